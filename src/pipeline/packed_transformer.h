// The transformer with its weights from a folder of packed ones, which is filled if it lacks them.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "core/made_folder.h"
#include "core/progress.h"
#include "lora/lora_file.h"
#include "mmdit/transformer.h"
#include "ops/ops.h"
#include "pipeline/components.h"
#include "weights/files/packed_weights.h"
#include "weights/load.h"

namespace sd35 {

// How the transformer of a model is loaded.
class TransformerWeights {
 public:
  // Opens the packed weights of `options.packed`, if there is such a folder. What does not fit gives a
  // warning and is packed again by pack(). Throws FileError when the folder cannot be made.
  TransformerWeights(const Components& components, const LoadOptions& options, const Ops& ops,
                     const Callbacks& callbacks);

  const WeightSource& source() const { return *source_; }
  const Quantization& quantization() const { return quantization_; }
  // Throws FileError when pack() would have something to write but could not.
  void check_writable() const;
  // From here on pack() does nothing.
  void pack_nothing();
  // Null: none that fit.
  const std::shared_ptr<const PackedWeights>& packed() const { return packed_; }

  // Has the blocks of `transformer` loaded for each use, as load() would, and loads what lies outside them.
  // Packs nothing that is not packed already. This object must outlive it.
  void stream(Transformer& transformer, const StageProgress& progress);
  void load(Transformer& transformer, const StageProgress& progress);
  // From here on updates are attached beside the weights: stream() attaches them, adapted() returns what
  // load() made with them attached, sharing its weights. Throws ArgumentError for one that only a merge could
  // add.
  void adapt(std::vector<LoraUpdate> updates);
  std::shared_ptr<const Transformer> adapted(std::shared_ptr<const Transformer> transformer) const;
  // Packs what was loaded, if that was asked for and has not been tried; what is loaded later comes from
  // there. Warns if the machine multiplies with weights as they are stored. Throws FileError.
  void pack(Transformer& transformer);

 private:
  void open();

  const MmditConfig& config_;
  std::vector<LoraUpdate> updates_;
  std::shared_ptr<const WeightSource> source_;
  Quantization quantization_;
  const Ops& ops_;
  const Callbacks& callbacks_;
  std::filesystem::path path_;  // empty: nothing is packed
  MadeFolder folder_;
  PackingIdentity identity_;
  std::shared_ptr<const PackedWeights> packed_;
  bool missing_ = false;  // some are to be packed
  bool settled_ = false;  // they are packed, or a warning said why not
};

}  // namespace sd35
