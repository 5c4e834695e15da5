// Runs Lean once, and keeps what V8 compiled for it.  Usage: as lean.cjs
'use strict';
require('./code.cjs').keep();
require('./lean.cjs');
