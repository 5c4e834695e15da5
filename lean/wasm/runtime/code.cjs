// Keeps what V8 compiled of lean.wasm and lean.js, which each process and thread would do anew.
'use strict';
const fs = require('fs'), path = require('path'), v8 = require('v8'), vm = require('vm');

const beside = name => path.join(__dirname, name);
const WASM_CODE = beside('lean.wasm.code'), JS_CODE = beside('lean.js.code');
const readIfKept = file => fs.existsSync(file) ? fs.readFileSync(file) : undefined;
const setFlags = flags => flags.forEach(flag => v8.setFlagsFromString(flag));

// V8 keeps only optimized code, and takes it only under the flags that it was made under.  All that
// runs is worth it, also what runs once at each start: Lean's initializers are half of it.
const MAKING = ['--no-liftoff', '--no-wasm-dynamic-tiering'];
const USING = ['--liftoff', '--wasm-dynamic-tiering'];

// Node has no call for either of these, which V8's own tests use; browsers keep code themselves.
const serialize = module => %SerializeWasmModule(module);
const deserialize = (code, wasm) => %DeserializeWasmModule(code, wasm);

let wasmModule, script;

function compileWasm() {
  const wasm = fs.readFileSync(beside('lean.wasm')), code = readIfKept(WASM_CODE);
  if (code) {
    setFlags(MAKING);
    wasmModule = deserialize(code.buffer, wasm); // a file of this size is alone in its buffer
    setFlags(USING);
    if (!wasmModule && process.env.LEAN_WASM_DEBUG) fs.writeSync(2, `${WASM_CODE} is refused\n`);
  }
  return wasmModule ??= new WebAssembly.Module(wasm); // code of another processor is refused
}

function runJs() {
  const filename = beside('lean.js'), source = fs.readFileSync(filename, 'latin1');
  script = new vm.Script(`(function (require, module, __filename, __dirname) {${source}\n})`,
    { filename, cachedData: readIfKept(JS_CODE) });
  script.runInThisContext()(require, module, filename, __dirname);
}

// Makes this process keep, at its end, what it has run.  Comes before anything is compiled.
function keep() {
  setFlags(MAKING);
  process.on('exit', () => {
    fs.writeFileSync(WASM_CODE, new Uint8Array(serialize(wasmModule)));
    setFlags(USING);
    fs.writeFileSync(JS_CODE, script.createCachedData());
  });
}

module.exports = { compileWasm, runJs, keep };
