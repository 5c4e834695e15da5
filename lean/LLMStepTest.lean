import LLMStepTest.Expect
import LLMStepTest.Accepted
import LLMStepTest.Refused
