import LLMStep.Protocol
import LLMStep.Guard
import LLMStep.Check
import LLMStep.Retrieve
import LLMStep.Rpc
import LLMStep.Extract
import LLMStep.Tactic
