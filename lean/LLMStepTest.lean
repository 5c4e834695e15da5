import LLMStepTest.Expect
import LLMStepTest.Accepted
import LLMStepTest.Refused
import LLMStepTest.Protocol
import LLMStepTest.Offer
import LLMStepTest.Tactic
