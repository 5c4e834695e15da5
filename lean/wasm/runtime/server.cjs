// `lean --server`: one `lean --worker` process for each open document.
//
// lean.wasm cannot start processes, so Lean's own watchdog cannot run; this one
// behaves like it towards both sides.  What it leaves out needs Lean's reference
// database: references, call hierarchy, rename and workspace symbols answer "none".
'use strict';
const fs = require('fs'), path = require('path');
const { spawn } = require('child_process');

const ERROR = {
  invalidRequest: -32600, methodNotFound: -32601, requestCancelled: -32800, contentModified: -32801,
  workerExited: -32901, workerCrashed: -32902,
};
const EXIT = { terminated: 0, exception: 1, importsChanged: 2 };
// Lean gives each request a thread of its own, here tens of megabytes that are never given back:
// without a limit, 50 requests at once leave a worker of gigabytes.
const MAX_IN_FLIGHT = 8;
const NO_REFERENCES = {
  'textDocument/references': [], 'workspace/symbol': [], 'textDocument/prepareCallHierarchy': [],
  'callHierarchy/incomingCalls': [], 'callHierarchy/outgoingCalls': [], 'textDocument/prepareRename': null,
};

// ---------------------------------------------------------------- framing

// Messages that pass through unchanged keep their text (`RAW`): JSON.parse would
// round integers above 2^53.
const RAW = Symbol('raw');

function encode(message) {
  const body = message[RAW] ?? Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

function decoder(onMessage) {
  let buffered = Buffer.alloc(0);
  return bytes => {
    buffered = Buffer.concat([buffered, bytes]);
    for (;;) {
      const headerEnd = buffered.indexOf('\r\n\r\n');
      if (headerEnd < 0) return;
      const length = /content-length: *(\d+)/i.exec(buffered.toString('latin1', 0, headerEnd));
      if (!length) throw new Error('message without Content-Length');
      const end = headerEnd + 4 + Number(length[1]);
      if (buffered.length < end) return;
      const body = buffered.subarray(headerEnd + 4, end);
      buffered = buffered.subarray(end);
      onMessage(Object.assign(JSON.parse(body), { [RAW]: body }));
    }
  };
}

function toClient(message) {
  for (let bytes = encode(message); bytes.length > 0;) bytes = bytes.subarray(fs.writeSync(1, bytes));
}
const toClientError = (id, code, message) => toClient({ id, error: { code, message } });

// ---------------------------------------------------------------- documents

function offsetAt(text, { line, character }) {
  let start = 0;
  for (; line > 0; line--) {
    const newline = text.indexOf('\n', start);
    if (newline < 0) return text.length;
    start = newline + 1;
  }
  const end = text.indexOf('\n', start);
  return Math.min(start + character, end < 0 ? text.length : end);
}

function applyChange(text, { range, text: inserted }) {
  if (!range) return inserted;
  return text.slice(0, offsetAt(text, range.start)) + inserted + text.slice(offsetAt(text, range.end));
}

function endOf(text) {
  const lines = text.split('\n');
  return { line: lines.length - 1, character: lines.at(-1).length };
}

// ---------------------------------------------------------------- workers

let initializeParams;
const workers = new Map();          // uri -> Worker
const processes = new Set();        // of theirs, also of those whose document is closed
const serverRequests = new Map();   // our id -> { worker, id } of requests that workers sent to the client
let freshServerRequest = 0;

class Worker {
  constructor(document) {
    this.document = document;
    this.pending = new Map();       // id -> request that has no answer yet, oldest first
    this.sent = new Set();          // ids of those that the process has
    this.importClosure = [];
    this.finalILeans = -1;          // newest version whose references are complete
    this.waitingForILeans = [];
    this.start();
  }

  start() {
    this.state = 'running';
    this.progress(1);
    const args = [...process.execArgv, path.join(__dirname, 'lean.cjs'), '--worker', ...process.argv.slice(2).filter(a => a !== '--server'), this.document.uri];
    const child = this.process = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => {}); // it exited; 'close' follows
    child.stdout.on('data', decoder(message => { if (child === this.process) this.receive(message); }));
    processes.add(child);
    child.on('close', code => {
      processes.delete(child);
      if (child === this.process) this.exited(code);
    });
    const { uri, version, text, dependencyBuildMode } = this.document;
    this.write({ id: 0, method: 'initialize', params: initializeParams });
    this.write({ method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'lean', version, text }, dependencyBuildMode } });
    this.sent.clear();
    this.sendPending();
  }

  write(message) { this.process.stdin.write(encode(message)); }

  progress(kind) { // 1: processing, 2: fatal error
    const { uri, version, text } = this.document;
    const processing = [{ range: { start: { line: 0, character: 0 }, end: endOf(text) }, kind }];
    toClient({ method: '$/lean/fileProgress', params: { textDocument: { uri, version }, processing } });
  }

  send(message) {
    const isEdit = message.method === 'textDocument/didChange';
    const isRequest = message.id !== undefined && message.method;
    if (isRequest) this.pending.set(message.id, message);
    if (this.state !== 'running') {
      if (isEdit) this.start(); // only an edit restarts a crashed worker
      return;
    }
    if (isRequest) return this.sendPending();
    if (isEdit) this.sendPending(Infinity); // they are about the text before it
    this.write(message);
  }

  sendPending(limit = MAX_IN_FLIGHT) {
    for (const [id, request] of this.pending) {
      if (this.sent.has(id)) continue;
      if (this.sent.size >= limit) return;
      this.sent.add(id);
      this.write(request);
    }
  }

  answer(message) {
    if (this.pending.delete(message.id)) toClient(message);
    this.sent.delete(message.id);
    this.sendPending();
  }

  cancel(message) {
    const { id } = message.params;
    if (!this.pending.has(id)) return;
    if (this.sent.has(id)) return this.write(message);
    this.pending.delete(id);
    toClientError(id, ERROR.requestCancelled, 'Cancelled while it waited for its turn.');
  }

  receive(message) {
    const { id, method, params } = message;
    if (id !== undefined && !method) {
      this.answer(message);
    } else if (id !== undefined) {
      if (method === '$/lean/queryModule') return this.write({ id, result: { queryResults: params.queries.map(() => []) } });
      serverRequests.set(freshServerRequest, { worker: this, id });
      toClient({ ...message, [RAW]: undefined, id: freshServerRequest++ });
    } else if (method === '$/lean/importClosure') {
      this.importClosure = params.importClosure;
    } else if (method === '$/lean/ileanInfoFinal') {
      this.finalILeans = params.version;
      this.answerILeans();
    } else if (!/^\$\/lean\/ilean/.test(method)) {
      toClient(message);
    }
  }

  answerILeans() {
    const ready = ({ version }) => version <= this.finalILeans;
    for (const { id } of this.waitingForILeans.filter(ready)) toClient({ id, result: {} });
    this.waitingForILeans = this.waitingForILeans.filter(w => !ready(w));
  }

  exited(code) {
    if (this.state !== 'running') return;
    if (code === EXIT.importsChanged) return this.start();
    if (code === EXIT.terminated) return fail(`unexpected termination of the worker for ${this.document.uri}`);
    this.state = 'crashed';
    const [error, cause] = code === EXIT.exception
      ? [ERROR.workerExited, 'see stderr for exception'] : [ERROR.workerCrashed, 'likely due to a stack overflow or a bug'];
    this.failPending(error, `Server process for ${this.document.uri} crashed, ${cause}.`);
    this.progress(2);
  }

  failPending(code, message) {
    for (const id of this.pending.keys()) toClientError(id, code, message);
    this.pending.clear();
    this.sent.clear();
  }

  terminate() {
    const { uri, version } = this.document;
    const running = this.state === 'running';
    this.state = 'terminating';
    this.failPending(ERROR.contentModified, `The file worker for ${uri} has been terminated.`);
    toClient({ method: 'textDocument/publishDiagnostics', params: { uri, version, diagnostics: [] } });
    if (running) this.write({ method: 'exit' });
    const child = this.process;
    setTimeout(() => child.kill('SIGKILL'), 1000).unref();
  }
}

// ---------------------------------------------------------------- client messages

const notifications = {
  'textDocument/didOpen'({ textDocument: { uri, version, text }, dependencyBuildMode = 'always' }) {
    workers.get(uri)?.terminate();
    workers.set(uri, new Worker({ uri, version, text, dependencyBuildMode }));
  },
  'textDocument/didChange'(params, message) {
    const worker = workers.get(params.textDocument.uri);
    if (!worker || params.contentChanges.length === 0) return;
    const document = worker.document;
    document.text = params.contentChanges.reduce(applyChange, document.text);
    document.version = params.textDocument.version;
    worker.send(message);
  },
  'textDocument/didClose'({ textDocument: { uri } }) {
    workers.get(uri)?.terminate();
    workers.delete(uri);
  },
  'textDocument/didSave'({ textDocument: { uri } }) { dependencyChanged(uri); },
  'workspace/didChangeWatchedFiles'({ changes }) { for (const { uri } of changes) dependencyChanged(uri); },
  '$/cancelRequest'(_, message) { for (const worker of workers.values()) worker.cancel(message); },
  '$/lean/rpc/release'({ uri }, message) { workers.get(uri)?.send(message); },
  '$/lean/rpc/keepAlive'({ uri }, message) { workers.get(uri)?.send(message); },
};

function dependencyChanged(uri) {
  for (const worker of workers.values()) {
    if (worker.importClosure.includes(uri)) worker.send({ method: '$/lean/staleDependency', params: { staleDependency: uri } });
  }
}

// The document a request is about, also for items to be resolved.
function documentOf({ textDocument, uri, data }) {
  const found = textDocument?.uri ?? uri ?? data?.params?.textDocument?.uri ?? data?.uri;
  if (found !== undefined || data === undefined) return found;
  return [...workers.keys()].find(open => JSON.stringify(data).includes(JSON.stringify(open))) ?? workers.keys().next().value;
}

function handleRequest(message) {
  const { id, method, params } = message;
  if (method === 'shutdown') {
    for (const worker of workers.values()) worker.terminate();
    workers.clear();
    shutDown = true;
    return toClient({ id, result: null });
  }
  if (shutDown) return toClientError(id, ERROR.invalidRequest, "Request received after 'shutdown' request.");
  if (method in NO_REFERENCES) return toClient({ id, result: NO_REFERENCES[method] });
  const uri = documentOf(params ?? {});
  if (uri === undefined) return toClientError(id, ERROR.methodNotFound, `No request handler found for '${method}'`);
  const worker = workers.get(uri);
  if (!worker) return toClientError(id, ERROR.contentModified, `Cannot process request to closed file '${uri}'`);
  if (method === '$/lean/waitForILeans') {
    worker.waitingForILeans.push({ id, version: params.version ?? 0 });
    return worker.answerILeans();
  }
  worker.send(message);
}

let shutDown = false;

function handle(message) {
  const { id, method } = message;
  if (method === 'initialize') {
    initializeParams = message.params;
    const { capabilities, serverInfo } = JSON.parse(fs.readFileSync(path.join(__dirname, 'initialize.json'), 'utf8'));
    toClient({ id, result: { capabilities, serverInfo } });
  } else if (method === 'initialized') {
    const watchers = [{ globPattern: '**/*.lean' }, { globPattern: '**/*.ilean' }];
    const registrations = [{ id: 'lean_watcher', method: 'workspace/didChangeWatchedFiles', registerOptions: { watchers } }];
    toClient({ id: 'register_lean_watcher', method: 'client/registerCapability', params: { registrations } });
  } else if (method === 'exit') {
    stop(shutDown ? 0 : 1);
  } else if (method === undefined) {
    const request = serverRequests.get(id);
    serverRequests.delete(id);
    request?.worker.send({ ...message, [RAW]: undefined, id: request.id });
  } else if (id !== undefined) {
    handleRequest(message);
  } else {
    notifications[method]?.(message.params, message);
  }
}

function stop(code) {
  for (const child of processes) child.kill('SIGKILL');
  process.exit(code);
}
function fail(reason) { fs.writeSync(2, `Watchdog error: ${reason}\n`); stop(1); }

process.on('uncaughtException', e => fail(e.stack));
process.stdin.on('data', decoder(handle));
process.stdin.on('end', () => { if (shutDown) stop(0); else fail('standard input was closed'); });
