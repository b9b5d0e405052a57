"""The tokenizer of the pack's text roles: lower-case, one token per word of the grammar, bytes for everything else."""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from editmill.packs.tabletop.training.tokenizer import grammar_words
from editmill.packs.tabletop.world.sentences import sentence_words

MAX_LENGTH = 96
START, PAD, END, UNKNOWN, MASK = SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
PROMPT_WORDS = ("keywords", "sentence")


def _vocabulary() -> dict[str, int]:
    words = sorted({*grammar_words(), *sentence_words(), *PROMPT_WORDS})
    # A word's token starts with the space before it, as in published RoBERTa and GPT-2 vocabularies.
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(f"Ġ{word}" for word in words)]
    return {token: index for index, token in enumerate(tokens)}


def _normalizer() -> normalizers.Normalizer:
    """Lower case, single spaces, a space before the first word as well, none before punctuation."""
    return normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Prepend(" "),
            normalizers.Replace(Regex(r"\s+(?=[.,:;!?])"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
        ]
    )


def make_text_tokenizer(*, pairs: bool = True, segments: bool = False) -> PreTrainedTokenizerFast:
    """Return the tokenizer, the same ids in every process.

    Args:
        pairs: Frame texts as RoBERTa does, ``<s> a </s></s> b </s>``; otherwise ``<s> a`` for a causal model.
        segments: Also return token types, 0 in the first text and 1 in the second.
    """
    vocabulary = _vocabulary()
    # Without merges a word is one token of the vocabulary, or falls apart into bytes.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    frames = (
        {"single": f"{START} $A {END}", "pair": f"{START} $A {END} {END}:1 $B:1 {END}:1"}
        if pairs
        else {"single": f"{START} $A"}
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        **frames, special_tokens=[(token, vocabulary[token]) for token in (START, END)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        cls_token=START,
        sep_token=END,
        pad_token=PAD,
        unk_token=UNKNOWN,
        # Like RoBERTa's, the mask takes the space before it along.
        mask_token=AddedToken(MASK, lstrip=True, normalized=False),
        model_max_length=MAX_LENGTH,
        # A causal model writes on where the text ends.
        padding_side="right" if pairs else "left",
        model_input_names=["input_ids", *(["token_type_ids"] if segments else []), "attention_mask"],
    )


def save_text_tokenizer(folder: Path, *, pairs: bool = True, segments: bool = False) -> None:
    """Write the tokenizer in the transformers format."""
    make_text_tokenizer(pairs=pairs, segments=segments).save_pretrained(folder)


def word_ids(tokenizer: PreTrainedTokenizerFast, words: tuple[str, ...]) -> list[int]:
    """Return the ids of words of the grammar; words without a token of their own are left out."""
    vocabulary = tokenizer.get_vocab()
    return [vocabulary[f"Ġ{word}"] for word in words if f"Ġ{word}" in vocabulary]
