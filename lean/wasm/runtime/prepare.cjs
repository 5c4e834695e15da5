// Rewrites the stock lean.wasm and lean.js into files that start fast.
// Usage: node prepare.cjs STOCK_DIR OUT_DIR
//   writes OUT_DIR/{lean.wasm, lean.js, lean.symbols}
'use strict';
const fs = require('fs'), path = require('path');
const symbols = require('./symbols.cjs');

// ---------------------------------------------------------------- wasm

const SECTION = { TYPE: 1, IMPORT: 2, FUNCTION: 3, TABLE: 4, GLOBAL: 6, EXPORT: 7, ELEMENT: 9, CODE: 10 };
const KIND = { FUNC: 0, GLOBAL: 3 };
const OP_I32_CONST = 0x41, OP_END = 0x0b;

class Reader {
  constructor(bytes, at = 0) { this.bytes = bytes; this.at = at; }
  byte() { return this.bytes[this.at++]; }
  u32() {
    let value = 0, shift = 0, b;
    do { b = this.byte(); value += (b & 127) * 2 ** shift; shift += 7; } while (b & 128);
    return value;
  }
  s32() {
    let value = 0, shift = 0, b;
    do { b = this.byte(); value |= (b & 127) << shift; shift += 7; } while (b & 128);
    return shift < 32 && (b & 64) ? value | (-1 << shift) : value;
  }
  name() { const n = this.u32(); return this.bytes.toString('latin1', this.at, this.at += n); }
}

function u32(value) {
  const out = [];
  do { out.push((value & 127) | (value > 127 ? 128 : 0)); value >>>= 7; } while (value);
  return Buffer.from(out);
}
const concat = (...parts) => Buffer.concat(parts.map(p => Buffer.isBuffer(p) ? p : Buffer.from([p])));

function readSections(wasm) {
  const r = new Reader(wasm, 8), sections = [];
  while (r.at < wasm.length) {
    const id = r.byte(), size = r.u32();
    sections.push({ id, body: wasm.subarray(r.at, r.at += size) });
  }
  return sections;
}

// Addresses of data symbols.  Only `i32.const` initialisers occur among exports.
function readGlobals(body) {
  const r = new Reader(body), values = [];
  for (let n = r.u32(); n > 0; n--) {
    r.at += 2; // type, mutability
    const op = r.byte();
    if (op === OP_I32_CONST) values.push(r.s32() >>> 0);
    else { values.push(null); if (op === 0x42 || op === 0x23) r.u32(); else throw new Error(`global initialiser ${op}`); }
    if (r.byte() !== OP_END) throw new Error('compound global initialiser');
  }
  return values;
}

function readExports(body) {
  const r = new Reader(body), list = [];
  for (let n = r.u32(); n > 0; n--) list.push({ name: r.name(), kind: r.byte(), index: r.u32() });
  return list;
}

// The interpreter looks up Lean declarations (`l_...`, or the name given by
// @[export]) and module initialisers, but never mangled C++ names.
const isLeanSymbol = name => !name.startsWith('_Z');

function slimWasm(wasm, keepExport) {
  const sections = readSections(wasm);
  const find = id => sections.find(s => s.id === id);
  const exports = readExports(find(SECTION.EXPORT).body);
  const globals = readGlobals(find(SECTION.GLOBAL).body);
  const globalBase = countImports(find(SECTION.IMPORT).body, KIND.GLOBAL);

  const code = readCode(find, exports);
  restoreImports(code);
  keepWaitersUntilSignalled(code);

  // Append every exported Lean function to the indirect-call table.
  const table = new Reader(find(SECTION.TABLE).body);
  if (table.u32() !== 1 || table.byte() !== 0x70 || table.byte() !== 0) throw new Error('unexpected table section');
  const tableStart = table.u32();
  const slotOf = new Map(), entries = [];
  for (const e of exports) {
    if (!isLeanSymbol(e.name)) continue;
    if (e.kind === KIND.FUNC) {
      if (!slotOf.has(e.index)) slotOf.set(e.index, tableStart + slotOf.size);
      entries.push([e.name, slotOf.get(e.index)]);
    } else if (e.kind === KIND.GLOBAL) {
      entries.push([e.name, globals[e.index - globalBase]]);
    }
  }
  find(SECTION.TABLE).body = concat(u32(1), 0x70, 0, u32(tableStart + slotOf.size));

  const element = find(SECTION.ELEMENT), er = new Reader(element.body), segments = er.u32();
  element.body = concat(u32(segments + 1), element.body.subarray(er.at),
    0, OP_I32_CONST, sleb(tableStart), OP_END, u32(slotOf.size), Buffer.concat([...slotOf.keys()].map(u32)));

  // The dynamic linker resolves C variables (thread-locals among them) by name.
  const isCVariable = e => e.kind === KIND.GLOBAL && !/^(l_|_Z)/.test(e.name);
  const kept = exports.filter(e => keepExport(e.name) || isCVariable(e));
  find(SECTION.EXPORT).body = concat(u32(kept.length),
    ...kept.map(e => concat(u32(e.name.length), Buffer.from(e.name, 'latin1'), e.kind, u32(e.index))));

  const out = concat(wasm.subarray(0, 8), ...sections.map(s => concat(s.id, u32(s.body.length), s.body)));
  const slots = slotsOf(new Set(kept.filter(e => e.kind === KIND.FUNC).map(e => e.index)), element.body);
  return { wasm: out, entries, slots, exports: exports.length, kept: kept.length };
}

// By the index of each of `functions` that the table has, its last slot there.
function slotsOf(functions, elements) {
  const r = new Reader(elements), slots = {};
  for (let n = r.u32(); n > 0; n--) {
    if (r.u32() !== 0 || r.byte() !== OP_I32_CONST) throw new Error('unexpected element segment');
    let slot = r.s32();
    if (r.byte() !== OP_END) throw new Error('compound element offset');
    for (let count = r.u32(); count > 0; count--, slot++) {
      const index = r.u32();
      if (functions.has(index)) slots[index] = slot;
    }
  }
  return slots;
}

// ---------------------------------------------------------------- imports
//
// The package has only the exported part of each module (.olean; no .olean.private,
// no .ir), so its authors changed how Lean imports on Emscripten:
//  * every file is elaborated as if it began with `module`;
//  * the interpreter gets an empty ModuleData for each imported module.  Then no name
//    that only the code generator made (`f._redArg`, specialisations, ...) maps to its
//    module, and compiling nearly anything against `import Lean` fails with "Unknown
//    constant" -- although the .olean files do hold these names and their IR.
// These patches undo both, and make the exported part stand in for missing ones.

function restoreImports(code) {
  // processHeaderCore: `if isEmscripten then .exported else ...`; always `else`.
  const isEmscripten = 1215092; // address of the flag
  code.replace('l_Lean_Elab_processHeaderCore',
    '41' + sleb(isEmscripten).toString('hex') + '2d0000' + '45' + '0440', // (if (i32.eqz (i32.load8_u (i32.const ...)))
    '4101' + '01010101010101' + '0440');                                  // (if (i32.const 1)

  // ImportedModule.getData?: `if isModule then level else .exported`; always .exported.
  code.replace('l___private_Lean_Environment_0__Lean_ImportedModule_getData_x3f',
    '20014100' + '20041b', // (select (local.get 1) (i32.const 0) (local.get 4))
    '41004100' + '20041b');

  // finalizeImport: instead of `modules.map fun _ => default` (modules are in local 11)
  // use `moduleData` (local 14), marked persistent because it is now referenced twice.
  const mapToDefault = code.indexOf('l___private_Init_Data_Array_Basic_0__Array_mapMUnsafe_map___at___00Lean_finalizeImport_spec__18');
  const persistent = code.append('60017f017f', '0020004100360200' + '20000b'); // (i32.store (local.get 0) (i32.const 0)) (local.get 0)
  code.replace('l_Lean_finalizeImport',
    '20104100200b' + '10' + u32(mapToDefault).toString('hex'),
    '200e' + '10' + u32(persistent).toString('hex') + '01010101');
}

// ---------------------------------------------------------------- threads
//
// What a thread has the main thread do, it waits for at a condition variable on its own stack.
// Emscripten's `emscripten_proxy_finish` unlocks the mutex before it signals: a thread that has seen
// by then that all is done is gone, and the signal goes to whatever its stack holds now.  That made
// the main thread spin for ever, and could crash a worker.  Signal first.

function keepWaitersUntilSignalled(code) {
  const call = name => '10' + u32(code.indexOf(name)).toString('hex') + '1a'; // (drop (call ...))
  const signal = '20004128' + '6a' + call('pthread_cond_signal'); // (i32.add (local.get 0) (i32.const 40))
  const unlock = '2002' + call('pthread_mutex_unlock'); // (local.get 2)
  code.replace('emscripten_proxy_finish', unlock + signal, signal + unlock);
}

// ---------------------------------------------------------------- patching

// Access to function bodies by export name.  Patches keep the size of a body.
function readCode(find, exports) {
  const firstBody = countImports(find(SECTION.IMPORT).body, KIND.FUNC);
  const indexOf = name => exports.find(e => e.name === name).index;
  const bodyOf = name => {
    const r = new Reader(find(SECTION.CODE).body), index = indexOf(name);
    r.u32();
    for (let i = firstBody; i < index; i++) { const size = r.u32(); r.at += size; }
    const size = r.u32();
    return r.bytes.subarray(r.at, r.at + size);
  };
  return {
    indexOf,
    replace(name, from, to) {
      const body = bodyOf(name), before = Buffer.from(from, 'hex'), after = Buffer.from(to, 'hex');
      const at = body.indexOf(before);
      if (at < 0 || body.indexOf(before, at + 1) >= 0 || before.length !== after.length) {
        throw new Error(`${name} is not the expected build`);
      }
      after.copy(body, at);
    },
    append(type, body) {
      const add = (section, entry) => {
        const r = new Reader(section.body), count = r.u32();
        section.body = concat(u32(count + 1), section.body.subarray(r.at), entry);
        return count;
      };
      const bytes = Buffer.from(body, 'hex');
      add(find(SECTION.CODE), concat(u32(bytes.length), bytes));
      return firstBody + add(find(SECTION.FUNCTION), u32(typeIndex(find(SECTION.TYPE).body, type)));
    },
  };
}

function typeIndex(body, wanted) {
  const r = new Reader(body);
  for (let i = 0, n = r.u32(); i < n; i++) {
    const start = r.at;
    r.byte();
    for (const _ of ['parameters', 'results']) { const length = r.u32(); r.at += length; }
    if (body.toString('hex', start, r.at) === wanted) return i;
  }
  throw new Error(`no function type ${wanted}`);
}

function sleb(value) {
  const out = [];
  for (;;) {
    const b = value & 127; value >>= 7;
    if (value === 0 && !(b & 64)) { out.push(b); return Buffer.from(out); }
    out.push(b | 128);
  }
}

function countImports(body, wanted) {
  const r = new Reader(body);
  let count = 0;
  for (let n = r.u32(); n > 0; n--) {
    r.name(); r.name();
    const kind = r.byte();
    if (kind === 0) r.u32();
    else if (kind === 1) { r.byte(); limits(r); }
    else if (kind === 2) limits(r);
    else if (kind === 3) r.at += 2;
    else { r.byte(); r.u32(); }
    if (kind === wanted) count++;
  }
  return count;
}
function limits(r) { const flags = r.byte(); r.u32(); if (flags & 1) r.u32(); }

// ---------------------------------------------------------------- JavaScript

function patcher(source) {
  return {
    get source() { return source; },
    // Replaces the only occurrence of `from`; a different lean.js must not pass silently.
    replace(from, to) {
      const count = source.split(from).length - 1;
      if (count !== 1) throw new Error(`lean.js: expected 1 occurrence, found ${count}: ${from.slice(0, 80)}`);
      source = source.replace(from, () => to);
    },
  };
}

// Emscripten emits `_x=Module["_x"]=wasmExports["x"];` and a `var` for every
// export: 85 MB of JavaScript.  Keep those that the runtime itself uses.
function slimAssignments(source) {
  const start = source.indexOf('function assignWasmExports(wasmExports){');
  const bodyStart = source.indexOf('{', start) + 1, end = source.indexOf('}', bodyStart);
  const assignment = /^([\w$]+)=Module\["[^"]*"\]=wasmExports\["([^"]*)"\](\.value)?$/;
  const other = [], assigned = [];
  for (const statement of source.slice(bodyStart, end).split(';')) {
    const m = assignment.exec(statement);
    if (m) assigned.push({ variable: m[1], name: m[2], statement });
    else if (statement) other.push(statement);
  }
  const isAssigned = new Set(assigned.map(a => a.variable));
  const declaration = /var ((?:[\w$]+,){1000,}[\w$]+);/.exec(source);
  const rest = source.slice(0, declaration.index) + source.slice(declaration.index + declaration[0].length, start) + source.slice(end);
  const used = new Set();
  for (const m of rest.matchAll(/[A-Za-z_$][\w$]*/g)) if (isAssigned.has(m[0])) used.add(m[0]);
  const keep = assigned.filter(a => used.has(a.variable));
  const variables = declaration[1].split(',').filter(v => !isAssigned.has(v) || used.has(v));
  source = source.slice(0, bodyStart) + [...keep.map(a => a.statement), ...other].join(';') + source.slice(end);
  source = source.replace(declaration[0], () => `var ${variables.join(',')};`);
  const names = new Set(keep.map(a => a.name));
  for (const m of rest.matchAll(/wasmExports\["([^"]*)"\]/g)) names.add(m[1]);
  for (const m of other.join(';').matchAll(/wasmExports\["([^"]*)"\]/g)) names.add(m[1]);
  return { source, names };
}

// Stands for the slots of exported functions, by their indices, which are their names.
const SLOTS = '"slots of exported functions"';

function patchJs(source) {
  const p = patcher(source);

  // dlsym reads the shared symbol table.
  const dlsymStart = source.indexOf('__dlsym_js=(handle,symbol,symbolIndex)=>{');
  const dlsymEnd = source.indexOf('__dlsym_js.sig=');
  p.replace(source.slice(dlsymStart, dlsymEnd),
    '__dlsym_js=(handle,symbol,symbolIndex)=>{growMemViews();' +
    'return leanWasm.lookup(leanWasm.symbols,HEAPU8,symbol)||(dlSetError("unknown symbol"),0)};');

  // Lean's main loop blocks the main thread, so the event loop never delivers what
  // threads post to it.  Give each thread a MessagePort that the blocked main thread
  // can drain (see `leanWasm` in lean.cjs).
  p.replace('worker_threads["workerData"]=="em-pthread"', '!!worker_threads["workerData"]?.leanWasm');
  p.replace('postMessage:msg=>parentPort["postMessage"](msg)', 'postMessage:msg=>leanWasm.postToMain(msg)');
  p.replace('worker=new Worker(pthreadMainJs,{workerData:"em-pthread",name:"em-pthread"})', 'worker=leanWasm.newThread()');
  // waitAsync callbacks would need the event loop too; without it Emscripten posts messages.
  p.replace('var waitAsyncPolyfilled=!Atomics.waitAsync||', 'var waitAsyncPolyfilled=true||');
  p.replace('if(waitAsyncPolyfilled){let __Atomics_waitAsyncAddresses', 'if(false){let __Atomics_waitAsyncAddresses');
  // A thread that has ended can be used again, which the blocked main thread has yet to hear.
  p.replace('getNewWorker(){', 'getNewWorker(){leanWasm.serviceThreads();');
  // Threads start on demand: each costs memory, and none has to exist in advance.
  p.replace('var pthreadPoolSize=4', 'var pthreadPoolSize=0');

  // Emscripten finds the slot of an exported function by making a JavaScript object of each of the
  // 163,000 in the table, in each thread: up to half a second, and 70 MB.
  p.replace('var functionsInTableMap;', `var functionsInTableMap,functionSlots=${SLOTS};`);
  p.replace('functionsInTableMap=new WeakMap;updateTableMap(0,wasmTable.length)}return functionsInTableMap.get(func)||0',
    'functionsInTableMap=new WeakMap}return functionsInTableMap.get(func)||functionSlots[func.name]||0');

  // Graphics and sound are never used, but their 255 functions would get a module each, in each thread.
  p.replace('if(entry.value==-1){var value=resolveGlobalSymbol', 'if(/^(emscripten_(gl|alc)|alc?[A-Z])/.test(symName))entry.value=0;' +
    'else if(entry.value==-1){var value=resolveGlobalSymbol');

  // An array with so few entries is slow to look into, at each call from C++ that may throw.
  p.replace('var func=wasmTableMirror[funcPtr];if(!func){wasmTableMirror[funcPtr]=func=wasmTable.get(funcPtr)}return func',
    'var func=wasmTableMirror.get(funcPtr);if(!func){func=wasmTable.get(funcPtr);wasmTableMirror.set(funcPtr,func)}return func');
  p.replace('wasmTableMirror[idx]=wasmTable.get(idx)', 'wasmTableMirror.set(idx,wasmTable.get(idx))');
  p.replace('wasmTableMirror=[]', 'wasmTableMirror=new Map');

  p.replace('var Module=typeof Module!="undefined"?Module:{};', 'var Module=leanWasm.module;');

  p.replace('quit_=(status,toThrow)=>{process.exitCode=status;throw toThrow}', 'quit_=(status,toThrow)=>{leanWasm.exit(status,HEAPU32);throw toThrow}');

  // The allocator's WASI port has no hook for the end of a thread: without this call each
  // thread leaks its heap, and 2 GB are full after some 300 threads (40 edits).
  p.replace('var result=getWasmTableEntry(ptr)(arg);function finish', 'var result=getWasmTableEntry(ptr)(arg);wasmExports["mi_thread_done"]();function finish');

  // Threads read host files themselves (see hostfs.cjs).
  const direct = (name, params, code) => p.replace(`function ${name}(${params}){`, `function ${name}(${params}){${code}`);
  const owned = call => `if(leanWasm.hostfs.owns(fd)){growMemViews();return ${call}}`;
  const statPath = 'var st=leanWasm.hostfs.stat(UTF8ToString(path));if(st)return typeof st=="number"?-st:SYSCALLS.writeStat(buf,st);';
  direct('___syscall_openat', 'dirfd,path,flags,varargs',
    'var p=UTF8ToString(path);if(p[0]=="/"||dirfd==-100){var f=leanWasm.hostfs.open(p,flags);if(f>=0)return f}');
  direct('___syscall_stat64', 'path,buf', statPath);
  direct('___syscall_fstat64', 'fd,buf', owned('SYSCALLS.writeStat(buf,leanWasm.hostfs.fstat(fd))'));
  direct('_fd_read', 'fd,iov,iovcnt,pnum', owned('leanWasm.hostfs.readv(HEAPU8,HEAPU32,fd,iov,iovcnt,pnum)'));
  direct('_fd_seek', 'fd,offset,whence,newOffset', owned('leanWasm.hostfs.seek(HEAP64,fd,offset,whence,newOffset)'));
  direct('_fd_close', 'fd', owned('leanWasm.hostfs.close(fd)'));
  direct('_fd_fdstat_get', 'fd,pbuf', owned('(HEAPU8.fill(0,pbuf,pbuf+24),HEAPU8[pbuf]=4,0)'));

  // IO.appPath, from which Lean derives its prefix.
  p.replace('if(isNode){path=__filename}', 'if(isNode){path=leanWasm.executable}');

  // lean.cjs mounts the host's directories and sets the environment.
  p.replace('var lean_path=process.env["LEAN_PATH"];if(lean_path){ENV["LEAN_PATH"]=lean_path}' +
    'FS.mount(NODEFS,{root:"/home"},"/home");FS.mount(NODEFS,{root:"/tmp"},"/tmp");', '');
  return p.source;
}

// ---------------------------------------------------------------- main

const [stockDir, outDir] = process.argv.slice(2);
const js = slimAssignments(patchJs(fs.readFileSync(path.join(stockDir, 'lean.js'), 'utf8')));
const alwaysKeep = new Set(['__indirect_function_table', 'memory', '__main_argc_argv', 'main']);
const slim = slimWasm(fs.readFileSync(path.join(stockDir, 'lean.wasm')), name => js.names.has(name) || alwaysKeep.has(name));
fs.mkdirSync(outDir, { recursive: true });
fs.writeFileSync(path.join(outDir, 'lean.js'), js.source.replace(SLOTS, JSON.stringify(slim.slots)));
fs.writeFileSync(path.join(outDir, 'lean.wasm'), slim.wasm);
fs.writeFileSync(path.join(outDir, 'lean.symbols'), Buffer.from(symbols.build(slim.entries).buffer));
console.log(`lean.js: ${js.source.length} bytes; lean.wasm: kept ${slim.kept} of ${slim.exports} exports, ${slim.entries.length} symbols`);
