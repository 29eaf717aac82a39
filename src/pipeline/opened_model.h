// An opened model: what all pictures that are drawn with it share.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "ops/ops.h"
#include "options/residency.h"
#include "pipeline/components.h"
#include "pipeline/residents.h"
#include "sd35/sd35.h"

namespace sd35 {

struct OpenedModel {
  // Throws what Model::open() throws.
  OpenedModel(std::string model, LoadOptions options);

  // Whether bf16 is multiplied in f32.
  bool widens() const;
  // Model::hash(), read when it is asked for first.
  const std::string& hash() const;

  std::string name;
  LoadOptions load;
  std::unique_ptr<const Ops> ops;
  Components components;
  Residency keep;
  mutable Residents residents;

 private:
  mutable std::once_flag hashed_;
  mutable std::string hash_;
};

}  // namespace sd35
