"""Captions as features: held to a plain forward pass of the encoder, a caption at a time, and their mean."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import algocli
from algocli.errors import AlgocliError
from algocli.features.store.commands import command
from algocli.features.store.library import read_recipe
from tests.features.by_hand import digest_tree
from tests.features.words import by_hand

WORDS = [
    "a",
    "the",
    "cat",
    "dog",
    "sits",
    "on",
    "mat",
    "and",
    "sees",
    "another",
    "one",
    "of",
    "many",
    "birds",
    "that",
    "fly",
]
SAID = {
    50: ["A cat sits on the mat", "the cat", "a cat sees a dog and another cat"],
    40: ["many birds", "birds fly"],
    30: ["the mat"],
    20: ["a dog", "a dog"],
    10: ["one of the cats"],
    60: ["the cat", "A dog sits\n"],
}


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    return by_hand.subject_of(tmp_path_factory.mktemp("words") / "data")


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A folder of a small BERT with drawn weights, and a list of words, as save_pretrained writes them."""
    tokenizers, transformers = pytest.importorskip("tokenizers"), pytest.importorskip("transformers")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    model = tokenizers.models.WordLevel({word: n for n, word in enumerate(special + WORDS)}, unk_token="[UNK]")
    words = tokenizers.Tokenizer(model)
    words.normalizer = tokenizers.normalizers.Lowercase()
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder = tmp_path_factory.mktemp("bert")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(WORDS) + 4, max_position_embeddings=12, **sizes)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def keep(subject, tmp_path):
    said = []
    files = [by_hand.write_captions(tmp_path / "captions.json", SAID)]
    coco = by_hand.write_origins(tmp_path / "info.csv")

    def run(encoder, given=files, **options):
        options = {"coco": coco, "cache_dir": tmp_path / "cache", "note": said.append, "device": "cpu", **options}
        (store,) = algocli.import_words(subject, given, "captions", encoder=encoder, **options).stores
        return store, said

    return run


def plain_vectors(folder: Path, pooling: str) -> np.ndarray:
    """Pass each caption alone, without padding, through what transformers makes of a folder."""
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)

    def vector(caption):
        with torch.no_grad():
            states = model(**tokenizer(caption, return_tensors="pt")).last_hidden_state[0].numpy()
        if pooling == "cls":
            return states[0]
        return states.mean(axis=0) if pooling == "mean" else states.mean(axis=0) / np.linalg.norm(states.mean(axis=0))

    return np.array([np.mean([vector(text) for text in SAID[image]], axis=0) for image in by_hand.COCO_IDS])


@pytest.mark.parametrize("pooling", ["mean", "cls", "unit"])
def test_an_image_has_the_mean_of_its_captions_vectors_pooled_as_the_folder_says(keep, bert, tmp_path, pooling):
    folder = tmp_path / "encoder"
    folder.mkdir()
    for file in bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    if pooling == "cls":
        (folder / "1_Pooling").mkdir()
        modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 16}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    if pooling == "unit":
        kinds = ("Transformer", "Pooling", "Normalize")
        listed = [{"idx": n, "type": f"sentence_transformers.models.{kind}"} for n, kind in enumerate(kinds)]
        (folder / "modules.json").write_text(json.dumps(listed))
    store, said = keep(f"hf:{folder}")
    np.testing.assert_allclose(store.read(), plain_vectors(bert, pooling), rtol=0, atol=1e-5)
    told = {"cls": "its first token", "mean": "the mean of its tokens", "unit": "the mean of its tokens, at length 1"}
    assert f"hf:{folder}: of each caption {told[pooling]}, of each image the mean of its captions" in said
    assert any("11 captions, 1 to 3 an image" in line for line in said)


def test_what_is_encoded_is_not_encoded_again_and_comes_out_the_same(keep, bert, tmp_path, monkeypatch):
    first, _ = keep(f"hf:{bert}")
    elsewhere, _ = keep(f"hf:{bert}", cache_dir=tmp_path / "other")
    assert digest_tree(first.folder / "features.zarr") == digest_tree(elsewhere.folder / "features.zarr")
    written = command(read_recipe(first.folder.parent), 1, first.manifest["provenance"])
    assert written.endswith(f"--name captions --encoder hf:{bert} -s 1")
    monkeypatch.setattr("algocli.features.words.stores.mean_vectors", None)
    again, said = keep(f"hf:{bert}")
    assert again.folder == first.folder
    assert said[-1].endswith("captions is complete, nothing to do")


def test_drawn_weights_are_those_of_their_seed(keep, bert, tmp_path):
    stores = [
        keep(f"hf:{bert}", weights=f"random:{seed}", cache_dir=tmp_path / f"{n}")[0] for n, seed in enumerate((1, 1, 2))
    ]
    first, same, other = (store.read() for store in stores)
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1


def test_a_long_caption_is_cut_and_that_is_told(keep, bert, tmp_path):
    texts = {**SAID, 30: [" ".join(["cat"] * 40)]}
    long, said = keep(f"hf:{bert}", [by_hand.write_captions(tmp_path / "long.json", texts)])
    assert any("1 caption is cut at the 12 tokens" in line for line in said)
    assert np.isfinite(long.read()).all()


def test_a_text_tower_of_open_clip_gives_what_the_library_does(keep, tmp_path):
    open_clip = pytest.importorskip("open_clip")
    text = {"context_length": 20, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8}
    torch.manual_seed(0)
    whole = open_clip.model.CLIP(embed_dim=12, vision_cfg=vision, text_cfg=text).eval()
    folder = tmp_path / "tower"
    folder.mkdir()
    torch.save(whole.state_dict(), folder / "open_clip_pytorch_model.bin")
    config = {"model_cfg": {"embed_dim": 12, "vision_cfg": vision, "text_cfg": text}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    store, _ = keep("open_clip:ViT-B-32", weights=str(folder))
    tokenizer = open_clip.SimpleTokenizer(context_length=20)
    with torch.no_grad():
        expected = [whole.encode_text(tokenizer(SAID[image])).mean(dim=0).numpy() for image in by_hand.COCO_IDS]
    np.testing.assert_allclose(store.read(), np.array(expected), rtol=0, atol=1e-5)


def test_a_table_of_captions_serves_as_well(keep, bert, tmp_path):
    lines = [
        f'nsd-{nsd:05d}.png,"{text.strip()}"'
        for nsd, image in zip(by_hand.NSD_IDS, by_hand.COCO_IDS, strict=True)
        for text in SAID[image]
    ]
    (tmp_path / "captions.csv").write_text("\n".join(["file_name,caption", *lines]))
    store, _ = keep(f"hf:{bert}", tmp_path / "captions.csv", coco=None)
    np.testing.assert_allclose(store.read(), plain_vectors(bert, "mean"), rtol=0, atol=1e-5)


REFUSED = {
    "instances": "holds no captions: annotation 1 has none",
    "empty": "of train-0004_nsd-01009.png, is an empty caption",
    "none": "no caption is of train-0003_nsd-01006.png, of subj01",
    "code": "needs code of its own",
    "lasttoken": "pools its tokens by lasttoken: mean and cls are followed",
    "dense": "goes on with a Dense layer",
    "name": "encoder='bert' is no text encoder's name",
    "folder": "there is no folder",
    "both": "measure=... is for categories",
    "images": "is no encoder of text",
}


@pytest.mark.parametrize(("case", "told"), REFUSED.items())
def test_what_does_not_fit_is_told_in_a_sentence(keep, bert, tmp_path, case, told):
    encoder, given, options = f"hf:{tmp_path / 'encoder'}", {}, {}
    folder = tmp_path / "encoder"
    folder.mkdir()
    for file in bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    settings = json.loads((folder / "config.json").read_text())
    if case == "instances":
        given = {"given": by_hand.write_instances(tmp_path)}
    elif case == "empty":
        texts = {**SAID, 20: [" \n"]}
        given = {"given": [by_hand.write_captions(tmp_path / "empty.json", texts)]}
    elif case == "none":
        file = by_hand.write_captions(tmp_path / "none.json", {**SAID, 30: []})
        given = {"given": [file]}
    elif case == "code":
        (folder / "config.json").write_text(json.dumps({**settings, "auto_map": {"AutoModel": "mine.Model"}}))
    elif case == "lasttoken":
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_lasttoken": true}')
    elif case == "dense":
        (folder / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense"}]')
    elif case == "name":
        encoder = "bert"
    elif case == "folder":
        encoder = "hf:./nowhere"
    elif case == "both":
        options["measure"] = "count"
    else:
        (folder / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(AlgocliError) as refused:
        keep(encoder, **given, **options)
    assert told in refused.value.message
    assert "\n" not in refused.value.message
