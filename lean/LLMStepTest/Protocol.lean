import Lean.Elab.Command
import LLMStep.Protocol

/-! The examples of the protocol mean something here, and are written as they are read. -/

open Lean LLMStep

private def again (α : Type) [FromJson α] [ToJson α] (json : Json) : Except String Json :=
  return toJson (← fromJson? json : α)

private def shapes : List (String × (Json → Except String Json)) := [
  ("StateRequest", again StateRequest), ("StateAnswer", again StateAnswer),
  ("CheckRequest", again CheckRequest), ("CheckAnswer", again CheckAnswer),
  ("LemmasRequest", again LemmasRequest), ("LemmasAnswer", again LemmasAnswer),
  ("GenerateRequest", again GenerateRequest), ("GenerateAnswer", again GenerateAnswer)]

/-- A field that is null says the same as one that is absent. -/
private partial def withoutNulls : Json → Json
  | .obj fields => .mkObj <| fields.toList.filterMap fun (name, value) =>
    if value.isNull then none else some (name, withoutNulls value)
  | .arr items => .arr (items.map withoutNulls)
  | json => json

private def compared : Except String Unit := do
  let file ← (← Json.parse (include_str "protocol.json")).getObj?
  unless file.toList.map (·.1) == (shapes.map (·.1)).mergeSort do
    throw "the shapes are others"
  for (shape, again) in shapes do
    for json in ← (← (Json.mkObj file.toList).getObjVal? shape).getArr? do
      let written ← (again json).mapError (s!"{shape}: {·}\n{json}")
      unless written.compress == (withoutNulls json).compress do
        throw s!"{shape}:\n{json}\nis written as\n{written}"

run_cmd ofExcept compared
