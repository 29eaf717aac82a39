"""Makes tests/golden/random.json: torch.randn of CPU generators (see CONTRIBUTING.md).

    python tools/reference/random_goldens.py

Of a draw the first and last four values are stored, and the checksum of its bytes.
"""

import json
import os

import torch

from checksum import checksum

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "random.json")
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
SEEDS = [0, 1, 42, 1234, 2**32 + 5]
SIZES = [1, 2, 7, 8, 15, 16, 17, 20, 31, 32, 33, 100, 4096]
# One generator, one draw after the other: the spare value of a short draw waits for the next short one.
SEQUENCE = [("f32", 3), ("f32", 20), ("bf16", 2), ("f16", 20), ("f16", 1), ("bf16", 31), ("f32", 5), ("f32", 16)]


def draw(generator, dtype, size):
    values = torch.randn(size, generator=generator, dtype=DTYPES[dtype])
    wide = values.float().tolist()
    return {"dtype": dtype, "size": size, "first": wide[:4], "last": wide[-4:], "checksum": checksum(values)}


def main():
    draws = []
    for seed in SEEDS:
        for dtype in DTYPES:
            for size in SIZES + ([16 * 128 * 128] if seed == 42 else []):
                draws.append({"seed": seed, **draw(torch.Generator().manual_seed(seed), dtype, size)})
    generator = torch.Generator().manual_seed(7)
    sequence = [draw(generator, dtype, size) for dtype, size in SEQUENCE]
    lines = ",\n".join(json.dumps(entry) for entry in draws)
    rest = ",\n".join(json.dumps(entry) for entry in sequence)
    with open(GOLDEN, "w") as file:
        file.write(f'{{"torch": "{torch.__version__}",\n"draws": [\n{lines}],\n"sequence": [\n{rest}]}}\n')


if __name__ == "__main__":
    main()
