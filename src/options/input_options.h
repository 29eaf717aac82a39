// The options of pictures that go into a drawing.
#pragma once

#include "image/resize_mode.h"
#include "options/input_choices.h"
#include "options/option_group.h"
#include "sd35/sd35.h"

namespace sd35 {

template <class Options, class Visitor>
void visit_init_options(Options& o, Visitor& visit) {
  const auto option = in_group("Beginning with a picture", visit);
  option({.name = "init.picture",
          .arguments = "--init",
          .help = "A picture to begin with; it gives the size where none is given",
          .unset = "none",
          .example = "picture.png",
          .kind = OptionKind::file},
         o.picture.path);
  option({.name = "init.strength",
          .arguments = "--strength",
          .help = "How much of it is drawn anew",
          .range = {0, 1},
          .unset = "0.6, to outpaint 0.9",
          .example = "0.8",
          .effects = kOnPicture | kOnSpeed},
         o.strength);
  option({.name = "init.strength_rule",
          .arguments = "--strength-rule",
          .help = "What strength is a share of",
          .choices = {{"share", "of the steps, as in diffusers"},
                      {"steps", "of more steps: all that are asked for run"}},
          .check = [](std::string_view name) { strength_rule_from_name(name); },
          .example = "steps",
          .effects = kOnPicture | kOnSpeed},
         o.strength_rule);
  option({.name = "init.resize",
          .arguments = "--resize",
          .help = "Where it has another shape",
          .choices = {{"stretch"}, {"crop"}, {"fill"}},
          .check = [](std::string_view name) { resize_mode_from_name(name); },
          .example = "crop"},
         o.resize);
  option({.name = "init.latent_sample",
          .arguments = "--latent-sample",
          .help = "What of the autoencoder's distribution",
          .choices = {{"sample", "as diffusers"}, {"mode", "its mean"}},
          .check = [](std::string_view name) { latent_sample_from_name(name); },
          .example = "mode"},
         o.latent_sample);
}

template <class Options, class Visitor>
void visit_inpaint_options(Options& o, Visitor& visit) {
  const auto option = in_group("Painting a part of that picture anew", visit);
  option({.name = "inpaint.mask",
          .arguments = "--mask",
          .help = "A picture as large as that of --init: white, or what is transparent, is painted anew",
          .unset = "none",
          .example = "mask.png",
          .kind = OptionKind::file},
         o.mask.path);
  option({.name = "inpaint.invert",
          .arguments = "--mask-invert",
          .help = "Black is painted anew",
          .example = "true"},
         o.invert);
  option(
      {.name = "inpaint.blur",
       .arguments = "--mask-blur",
       .help =
           "How far the paint fades into the picture: pixels of a Gaussian, which reaches two and a half times as far",
       .range = {0, 256},
       .unset = "4, to outpaint 8",
       .example = "2"},
      o.blur);
  option({.name = "inpaint.fill",
          .arguments = "--inpaint-fill",
          .help = "What the painted part begins with",
          .choices = {{"original"}, {"blur", "the colours around it"}, {"noise"}, {"zero"}},
          .check = [](std::string_view name) { inpaint_fill_from_name(name); },
          .unset = "original, to outpaint blur",
          .example = "noise"},
         o.fill);
  option({.name = "inpaint.only_masked",
          .arguments = "--only-masked",
          .help =
              "Draws the masked part alone at the full size, with so many pixels around it, and puts it back",
          .range = {0, 4096},
          .unset = "off: the whole picture is drawn",
          .example = "8"},
         o.only_masked);
  option({.name = "inpaint.soft",
          .arguments = "--soft-mask",
          .help = "Grey of the mask is painted in proportion",
          .example = "true"},
         o.soft);
  option({.name = "inpaint.paste",
          .arguments = "--no-paste",
          .help = "What is not painted is as the autoencoder makes it, not as it was",
          .example = "false"},
         o.paste);
  option(
      {.name = "inpaint.outpaint",
       .arguments = "--outpaint",
       .help =
           "Pixels to add on the left, top, right and bottom, as in 64,0,64,0; each is rounded up to a multiple of 16",
       .range = {0, 4096},
       .unset = "none",
       .example = "[16, 0, 0, 0]",
       .effects = kOnPicture | kOnMemory | kOnSpeed},
      o.outpaint);
}

template <class Options, class Visitor>
void visit_hires_options(Options& o, Visitor& visit) {
  const auto option = in_group("Drawing small, then large from it", visit);
  option({.name = "hires.scale",
          .arguments = "--hires",
          .help = "How much larger the second pass is, such as 2; 1: there is none",
          .range = {1, 8},
          .example = "2",
          .effects = kOnPicture | kOnMemory | kOnSpeed},
         o.scale);
  option({.name = "hires.strength",
          .arguments = "--hires-strength",
          .help = "How much is drawn anew",
          .range = {0, 1},
          .unset = "0.6, with lanczos 0.4",
          .example = "0.8",
          .effects = kOnPicture | kOnSpeed},
         o.strength);
  option({.name = "hires.steps",
          .arguments = "--hires-steps",
          .help = "Steps that the strength is a share of",
          .range = {0, 1000},
          .unset = "as many as the first pass has",
          .example = "8",
          .effects = kOnPicture | kOnSpeed},
         o.steps);
  option({.name = "hires.upscaler",
          .arguments = "--upscaler",
          .help = "What is enlarged",
          .choices = {{"latent", "the latents"}, {"lanczos", "the decoded picture"}},
          .check = [](std::string_view name) { upscaler_from_name(name); },
          .example = "lanczos",
          .effects = kOnPicture | kOnSpeed},
         o.upscaler);
}

template <class Options, class Visitor>
void visit_edit_options(Options& o, Visitor& visit) {
  const auto option = in_group("Changing a picture as the prompt says, with models trained for that", visit);
  option({.name = "edit",
          .help = "The picture; it gives the size where none is given",
          .unset = "none",
          .example = "picture.png",
          .kind = OptionKind::file,
          .effects = kOnPicture | kOnMemory | kOnSpeed},
         o.edit.path);
  option(
      {.name = "reference_tokens",
       .help = "The model is one of these (SD3.5 Medium Kontext), though its configuration does not say so",
       .example = "true"},
      o.reference_tokens);
}

}  // namespace sd35
