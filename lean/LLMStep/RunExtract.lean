import LLMStep.Extract

/-!
# The program that reads a file

Owns what `lean --run` starts: `lean --run RunExtract.lean FILE OUT [SETUP]`.
-/

/-- See `LLMStep.extractMain`. -/
unsafe def main : List String → IO UInt32 := LLMStep.extractMain
