#include "core/progress.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace sd35 {

StageProgress::StageProgress(const Callbacks& callbacks, Stage stage, int picture, int steps, int pictures)
    : callbacks_(callbacks), stage_(stage), picture_(picture), steps_(steps), pictures_(pictures) {
  report(0);
}

StageProgress::StageProgress(const Callbacks& callbacks, std::string part)
    : callbacks_(callbacks), stage_(Stage::load), picture_(0), steps_(0), part_(std::move(part)) {
  report(0);
}

void StageProgress::report(double fraction, int step) const {
  if (!callbacks_.on_progress) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const Progress progress{stage_,  picture_, step, steps_, pictures_, std::clamp(fraction, 0.0, 1.0),
                          seconds, part_};
  if (!callbacks_.on_progress(progress)) throw Cancelled();
}

void warn(const Callbacks& callbacks, const std::string& message) {
  if (callbacks.on_warning) callbacks.on_warning(printable(message));
}

}  // namespace sd35
