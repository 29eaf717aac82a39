"""Makes tests/golden/trained_tokenizers.json: tokenizers that sd35 learned from the captions below, as transformers reads them.

    python tools/reference/trained_tokenizer_goldens.py build/bin/sd35

Holds the captions, and the ids of the strings of tests/golden/tokenizers.json.
"""

import json
import os
import subprocess
import sys
import tempfile

from transformers import CLIPTokenizer, T5Tokenizer

CAPTIONS = [
    "A sign that says \"Hello World\"", "a sign that says 'closed'", "The word Open in red letters", "THREE BLUE CUBES!",
    "a red ball to the left of a green cube", "a green ball to the right of a red cube", "don't walk, it's raining",
    "two capybaras in a hot spring, 35mm photo", "a capybara, a heron and 12 ducks", "Café crème on a table",
    "a café at night, neon sign: CAFÉ", "an emoji of a rocket 🚀 over the moon 🌙", "日本語の看板", "one line; another line",
    "the heron's nest", "we'll see the sea", "seaside, seashore, seashell", "low, lower, lowest", "new, newer, newest",
]

TOKENIZERS = {
    "clip": (CLIPTokenizer, ["--kind", "clip", "--vocab-size", "600"]),
    "clip_padded_with_0": (CLIPTokenizer, ["--kind", "clip", "--vocab-size", "560", "--pad-token", "!", "--max-length", "20"]),
    "t5": (T5Tokenizer, ["--kind", "t5", "--vocab-size", "200"]),
    "characters": (T5Tokenizer, ["--kind", "t5", "--vocab-size", "200", "--split-characters"]),
}


def main():
    golden_folder = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden")
    with open(os.path.join(golden_folder, "tokenizers.json")) as file:
        strings = json.load(file)["strings"]
    golden = {"captions": CAPTIONS}
    with tempfile.TemporaryDirectory() as folder:
        captions = os.path.join(folder, "captions.txt")
        with open(captions, "w", newline="") as file:
            file.write("\n".join(CAPTIONS) + "\n")
        for name, (kind, options) in TOKENIZERS.items():
            output = os.path.join(folder, name)
            subprocess.run([sys.argv[1], "train-tokenizer", "--quiet", "--input", captions, "-o", output, *options], check=True)
            tokenizer = kind.from_pretrained(output)
            golden[name] = {"tokens": len(tokenizer), "ids": tokenizer(strings)["input_ids"]}
            if name == "clip_padded_with_0":
                assert tokenizer.pad_token_id == 0 and tokenizer.model_max_length == 20
    with open(os.path.join(golden_folder, "trained_tokenizers.json"), "w") as file:
        json.dump(golden, file, separators=(",", ":"))


if __name__ == "__main__":
    main()
