// The files of a report: evaluation/evaluate.h, write_report().
#pragma once

#include <string>

#include "evaluation/evaluate.h"

namespace sd35 {

std::string report_html(const Evaluation& evaluation);
std::string report_json(const Evaluation& evaluation);

}  // namespace sd35
