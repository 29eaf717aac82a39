"""Makes tests/golden/tokenizers.json: hard strings and their ids from transformers, on the tiny tokenizers; and
tests/golden/tokenizer_json: the same tokenizers as transformers from version 5 on saves them.

    build/bin/sd35 make-random-model --size tiny -o MODEL && python tools/reference/tokenizer_goldens.py MODEL
"""

import json
import os
import random
import shutil
import sys

from transformers import AutoTokenizer

STRINGS = [
    "", " ", "   \t\n ", "a photo of a cat", "Hello, World! 123", "it's a dog's life, we'll see", "café", "cafe\u0301",
    "masterpiece, best quality, 4k", "!hello! wo!rld!!", "<|endoftext|> a <|startoftext|> b <|ENDOFTEXT|>!",
    "<|endoftext|>!!<|startoftext|>??", "<extra_id_0> x <extra_id_5>y </s> <pad><unk>", "\u2581a\u2581\u2581b \u2581",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family \U0001f1e9\U0001f1ea", "日本語のテスト",
    "한국어 \u1100\u1161\u11a8", "العربية עברית", "ไทย ภาษา \u0e33", "हिन्दी क्ष \u0958\u09dc", "İstanbul I\u0307 ı",
    "ﬁ ﬂ ﬃ", "ｆｕｌｌ　ｗｉｄｔｈ", "a\tb\nc\rd\x0be\x0cf", "\x01\x02\x7f", "\x00nul", "\ufffd\ufeff\u200b\u200d",
    "\u2028\u2029\u3000\u00a0\u1680\u202f\u205f\u0085z", "ΑΣ ΣΑΣ ς", "ẞ ß ǅ ŉ", "\ud7a3\ue000\U0010fffd",
    "1234 ½ ²³ Ⅳ ٣", "don't!'s 'RE 'll''s", "e\u0301\u0323\u0300 a\u0308\u0308", "A\u030a Å Å Ω K",
    "＜extra_id_7＞ ＜extra_id_99＞x＜pad＞ ＜/s＞＜|endoftext|＞", "x<extra_id_3>  \u2581 \u2581y  z", "\u2764\ufe0f\u200d\U0001f525!\U0001f3f4\u200d\u2620\ufe0f",
    "中文，标点。「引号」", "و\u064e\u0644\u064e\u0627 لا ﷺ", "\u200ba\u200cb\u2060c\u00add", "\u202eabc\u202c\u2066d\u2069", "\x1b[31mred\x1b[0m\x08\x9f", " ! ! a!b !",
    "“quotes”…—–", "¼ cup ™ ℃ № ㎏", "\U0001d400\U0001d7d8", "x" * 600, "capybara" * 40,
]

POOLS = [range(32, 127)] * 3 + [
    range(0xA1, 0x250), range(0x300, 0x370), range(0x391, 0x3CA), range(0x410, 0x450), range(0x5D0, 0x5EB), range(0x904, 0x93A),
    range(0x1100, 0x1113), range(0x2010, 0x2028), range(0x3041, 0x3097), range(0x4E00, 0x4E80), range(0xAC00, 0xAC80),
    range(0xFF01, 0xFF5F), range(0x1F600, 0x1F640), [0x85, 0xA0, 0x200B, 0x200D, 0xFEFF, 9, 10],
]


def random_strings(count):
    generator = random.Random(1)
    for _ in range(count):
        parts = []
        for _ in range(generator.randint(1, 8)):
            pool = generator.choice(POOLS)
            parts += [chr(generator.choice(pool)) for _ in range(generator.randint(1, 4))]
        yield "".join(parts)


def main():
    folder = sys.argv[1]
    strings = STRINGS + list(random_strings(200))
    golden = {"strings": strings}
    golden_folder = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden")
    for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        tokenizer = AutoTokenizer.from_pretrained(os.path.join(folder, name))
        saved = os.path.join(golden_folder, "tokenizer_json", name)
        shutil.rmtree(saved, ignore_errors=True)
        tokenizer.save_pretrained(saved)
        assert sorted(os.listdir(saved)) == ["tokenizer.json", "tokenizer_config.json"]
        golden[name] = tokenizer(strings)["input_ids"]
        assert AutoTokenizer.from_pretrained(saved)(strings)["input_ids"] == golden[name]
    with open(os.path.join(golden_folder, "tokenizers.json"), "w") as file:
        json.dump(golden, file, separators=(",", ":"))


if __name__ == "__main__":
    main()
