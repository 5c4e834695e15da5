"""Owns a training, from the examples to the weights; what is kept of it, so that it can go on."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from llmstep_lsp.domain.recipe import Recipe, Run, held_out
from llmstep_lsp.training.lessons import Bucketed, Collator, Lesson, lessons
from llmstep_lsp.training.protocol import CHECKPOINTS, LOG, MODEL, Report, Said, read_examples
from llmstep_lsp.training.reporting import Reporter
from llmstep_lsp.training.schedule import Clock, Schedule
from llmstep_lsp.training.start import Start, start
from llmstep_lsp.worker.description import PROMPT
from llmstep_lsp.worker.place import LoadError
from llmstep_lsp.worker.transformers_model import encode

# Steps between two lines of the log.
_LOGGED = 10


def train(run: Run, directory: Path, say: Callable[[Report], None]) -> None:
    """Train the model of `run` from where an earlier process stopped, and write it into `directory`.

    Raises:
        LoadError: the model cannot be had or trained.
    """
    recipe = run.recipe
    examples = list(read_examples(directory))
    begun = start(run, examples, directory)
    try:
        made = lessons(
            examples,
            begun.tokenizer,
            lambda prompt: encode(begun.tokenizer, prompt),
            min(recipe.length, begun.context or recipe.length),
            apart=begun.apart,
        )
    except ValueError as error:
        raise LoadError(f"The model cannot be asked in this prompt format: {error}.") from error
    kept = [held_out(example.group, recipe.held_out) for example in examples]
    learned = [lesson for lesson, out in zip(made, kept, strict=True) if not out]
    tested = [lesson for lesson, out in zip(made, kept, strict=True) if out]
    if not learned:
        raise LoadError("All examples are held out, so there is nothing to learn from: name more files.")
    say(Said(_words(learned, tested, begun.network)))
    trainer = _Trainer(begun, recipe, learned, tested, directory)
    trainer.add_callback(Reporter(directory / LOG, trainer.schedule, say))
    checkpoint = _last_checkpoint(directory / CHECKPOINTS)
    if checkpoint is not None:
        say(Said(f"Going on after step {_step(checkpoint)}, the last one that was kept."))
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    _write_model(trainer.model, begun.tokenizer, run.prompt, directory)


class _Trainer(Trainer):
    """The library's, with our order of lessons, our schedule, and our way to read weights."""

    def __init__(
        self, begun: Start, recipe: Recipe, learned: list[Lesson], tested: list[Lesson], directory: Path
    ) -> None:
        # The best can be told only of what is tested.
        best = {"load_best_model_at_end": True, "metric_for_best_model": "loss"} if tested else {}
        arguments: Any = TrainingArguments
        super().__init__(
            model=begun.network,
            args=arguments(
                output_dir=str((directory / CHECKPOINTS).resolve()),
                num_train_epochs=recipe.epochs,
                per_device_train_batch_size=recipe.batch,
                per_device_eval_batch_size=recipe.batch,
                gradient_accumulation_steps=recipe.accumulate,
                learning_rate=recipe.learning_rate,
                weight_decay=recipe.weight_decay,
                seed=recipe.seed,
                eval_strategy="steps" if tested else "no",
                eval_steps=recipe.every,
                save_steps=recipe.every,
                save_total_limit=2,
                logging_steps=_LOGGED,
                logging_nan_inf_filter=False,
                remove_unused_columns=False,
                prediction_loss_only=True,
                include_num_input_tokens_seen="non_padding",
                dataloader_pin_memory=torch.cuda.is_available(),
                report_to="none",
                disable_tqdm=True,
                **_precision(recipe.precision),
                **best,
            ),
            data_collator=Collator(_padding(begun.tokenizer), apart=begun.apart),
            train_dataset=learned,
            eval_dataset=sorted(tested, key=lambda lesson: lesson.size) or None,
        )
        self._recipe = recipe
        self._sizes = [lesson.size for lesson in learned]
        minutes = recipe.max_minutes
        self.schedule = Schedule(recipe.warmup, None if minutes is None else minutes * 60)
        self.remove_callback(PrinterCallback)
        self.add_callback(Clock(self.schedule))
        self.add_callback(_Moved())

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:  # noqa: ARG002  # the library's
        return Bucketed(self._sizes, self.args.train_batch_size, self._recipe.seed)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The schedule for the optimizer."""
        self.schedule.steps = min(num_training_steps, self._recipe.max_steps or num_training_steps)
        optimizer = optimizer or self.optimizer
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self.schedule)
        return self.lr_scheduler

    # The library forgets in these two that some networks name their weights otherwise in files.

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._recipe.lora is None:
            self._read_weights(resume_from_checkpoint)
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_best_model(self) -> None:
        if self._recipe.lora is None:
            self._read_weights(str(self.state.best_model_checkpoint))
        else:
            super()._load_best_model()

    def _read_weights(self, checkpoint: str) -> None:
        network: Any = self.model
        read = type(network).from_pretrained(checkpoint, dtype=torch.float32, local_files_only=True)
        network.load_state_dict(read.state_dict())


class _Moved(TrainerCallback):
    """Finds the best checkpoint, of which the state knows the whole path, where the directory is now."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002  # the library's
        """Correct the path."""
        if state.best_model_checkpoint is not None:
            state.best_model_checkpoint = str(Path(args.output_dir) / Path(state.best_model_checkpoint).name)


def _precision(wanted: str) -> dict[str, bool]:
    """The arithmetic that this device has of what is `wanted`."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if cuda:
        has_bfloat16 = torch.cuda.is_bf16_supported()
    else:  # a CPU without it does it a hundred times more slowly than float32
        has_bfloat16 = not mps and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001  # no other says so
    return {
        "use_cpu": not (cuda or mps),
        "fp16": wanted == "float16" and cuda,
        "bf16": wanted == "bfloat16" and has_bfloat16,
    }


def _padding(tokenizer: Any) -> int:
    token: int = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return token


def _last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole; what describes it is written last."""
    whole = [file.parent for file in folder.glob("checkpoint-*/trainer_state.json") if _is_json(file)]
    return max(whole, key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _write_model(network: Any, tokenizer: Any, prompt: str, directory: Path) -> None:
    unfinished = directory / f"{MODEL}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    if hasattr(network, "merge_and_unload"):
        network = network.merge_and_unload()
    network.config.use_cache = True  # the library trains without
    network.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    (unfinished / PROMPT).write_text(prompt, encoding="utf-8")
    unfinished.rename(directory / MODEL)


def _words(learned: Sequence[Lesson], tested: Sequence[Lesson], network: Any) -> str:
    parameters = sum(weights.numel() for weights in network.parameters() if weights.requires_grad)
    tokens = sum(lesson.size for lesson in learned)
    return (
        f"{parameters:,} parameters learn {len(learned):,} examples of {tokens:,} tokens; "
        f"{len(tested):,} examples are held out."
    )
