// How a picture is made within a limit of memory: what is kept, what is streamed, what is cut into tiles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mmdit/config.h"
#include "ops/ops.h"
#include "options/residency.h"
#include "sd35/sd35.h"
#include "text/prompt_encoder.h"
#include "vae/blocks.h"
#include "vae/config.h"
#include "weights/load.h"

namespace sd35 {

// What decides how much memory a stage takes.
struct MemoryFacts {
  const PromptEncoder* prompt_encoder = nullptr;
  const WeightSource* transformer_weights = nullptr;
  Quantization quantization;
  const MmditConfig* transformer = nullptr;
  const VaeConfig* vae = nullptr;
  DType compute_type = DType::bf16;
  bool widened = false;                 // bf16 is multiplied in f32
  Residency keep = Residency::nothing;  // between pictures, if there is room
  Residency kept = Residency::nothing;  // from the picture before, so not in `available`
  // Of the request's adapters: their matrices, and an f32 copy of the largest encoder weight that they
  // change.
  double adapters = 0, updated_encoder_weight = 0;
  const VaeConfig* preview = nullptr;  // what previews are made with while denoising; null: nothing large
  bool rows_are_independent = false;   // of the engine: Ops::rows_are_independent()
  bool decodes_in_bands = false;       // likewise: it has Ops::banded()
  bool streamable = true;              // blocks can be loaded one by one at the speed of a copy
  // Bytes the machine has left, which several pictures may use if no limit is set; 0: unknown.
  std::uint64_t available = 0;
};

// How many pictures are denoised before the transformer makes room for the decoder: loading it again should
// take little time compared with them, but what waits is lost when the process is killed.
inline constexpr int kPicturesAtATime = 16;

struct MemoryPlan {
  bool streamed = false;           // the transformer's blocks are loaded for each use
  bool one_prompt_a_pass = false;  // guidance: one forward after the other instead of a batch
  KeptMaps kept = KeptMaps::all;   // of the decoder
  int tile = 0;                    // pixels per side of the decoder's tiles; 0: as without a limit
  int encode_tile = 0;             // likewise of the encoder's, where a picture goes in
  // Of several pictures: transformer and decoder are in memory together, and each picture is decoded when it
  // is denoised. Otherwise kPicturesAtATime are denoised, then decoded.
  bool together = false;
  int batch = 1;  // pictures that go through the transformer in one forward
  Residency keep = Residency::nothing;
  // Of the prompt, denoising, decoding; then, where a picture goes in, encoding it.
  std::vector<MemoryStage> stages;
};

// The fastest plan whose stages all stay below `limit` bytes (0: no limit; several pictures then take more
// than one only if the machine has it to spare). No choice made for several pictures changes their bytes.
// Expected peaks are those of the process's resident memory, mapped files included. Throws ArgumentError when
// no plan does, naming the stage, what it takes at least and what would make it smaller.
MemoryPlan plan_memory(const MemoryFacts& facts, const GenerateOptions& options, std::uint64_t limit);

}  // namespace sd35
