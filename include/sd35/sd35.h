// sd35: Stable Diffusion 3.5 Medium in C++. The public API: load a model, turn prompts into pictures.
//
//   sd35::Pipeline pipeline = sd35::Pipeline::from_pretrained("path/to/stable-diffusion-3.5-medium");
//   sd35::GenerateOptions options;
//   options.prompt = "A capybara holding a sign that reads Hello World";
//   sd35::save(pipeline.generate(options).at(0), "capybara.png");
//
// Every function throws an exception derived from sd35::Error (sd35/error.h) whose what() says in one line
// what was wrong, where, and what would work, and whose option() names the option it is about. Names follow
// diffusers' StableDiffusion3Pipeline where it has one. What sd35 does to the process around it:
// docs/process.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sd35/callbacks.h"
#include "sd35/error.h"
#include "sd35/export.h"
#include "sd35/model_parts.h"

namespace sd35 {

// Version of the library, "0.1.0".
SD35_API std::string version();

// A picture: rows of red, green, blue bytes.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]
  std::vector<std::pair<std::string, std::string>> metadata =
      {};  // what save() writes into the file: "parameters", "sd35"
  // [height, width], 255 where it is opaque; empty: everywhere. What decode() found; save() does not write
  // it.
  std::vector<std::uint8_t> alpha = {};
  // The mark of pictures that a model made, which save() writes too (XMP): "trainedAlgorithmicMedia", drawn
  // from input pictures "compositeWithTrainedAlgorithmicMedia", or another term of the IPTC's
  // DigitalSourceType; empty: none.
  std::string digital_source_type = {};
};

// Writes PNG, JPEG or WebP by the extension, with the picture's metadata: to a temporary file that is then
// renamed, replacing what was there. Missing folders are made. Throws ArgumentError for an unknown extension,
// FileError when the file cannot be written.
SD35_API void save(const Picture& picture, const std::filesystem::path& path);

// The same, but replaces nothing: where `path` exists, the picture goes to the next free name beside it
// (out-2.png, out-3.png, ...), which is safe even when other processes do the same. Returns the name.
SD35_API std::filesystem::path save_as_new(const Picture& picture, const std::filesystem::path& path);

// The same in memory: the bytes of a file of `format`, "png", "jpg" or "webp", with the picture's metadata.
// `quality`: 1 to 100, of JPEG and WebP. Throws ArgumentError for another format or quality, or a picture that
// it cannot hold.
SD35_API std::vector<std::uint8_t> encode(const Picture& picture, const std::string& format = "png",
                                          int quality = 95);

// The picture in the bytes of a PNG, JPEG or WebP file, with metadata and mark as save() writes them, of
// ComfyUI's also "prompt", its graph. Grey and palettes become RGB, alpha is kept beside them, an Exif
// orientation is applied. Throws FileError, in which `name` stands for the bytes, when they are none of
// these, truncated or corrupt, or more than 2^28 pixels.
SD35_API Picture decode(std::span<const std::uint8_t> bytes, const std::string& name = "the picture");

// The pictures row by row in one, `columns` a row; what is left over at the end is white. It has the mark of
// the first, and no metadata. Throws ArgumentError for no pictures and for pictures of different sizes.
SD35_API Picture contact_sheet(std::span<const Picture> pictures, int columns);

// Throws what save() would throw for a path that cannot be written, before any work is spent on the picture.
SD35_API void check_output(const std::filesystem::path& path);

// Low-rank updates (LoRA): a file with keys of diffusers, PEFT or kohya, or a folder of PEFT or diffusers.
struct LoraOptions {
  std::filesystem::path path;
  double weight = 1;  // of its updates

  bool operator==(const LoraOptions&) const = default;
};

// How a model is loaded and run. Every option, with its range and its name on the command line:
// docs/options.md.
struct LoadOptions {
  std::string engine = "native";  // "native"; "ref": plain loops, for comparisons; "torch" where it is built
  std::string device = "cpu";     // of the torch engine: "cpu", "cuda", "cuda:1"
  std::string dtype = "bf16";     // "bf16", or "f32" for parity with the reference
  // How the weights of the transformer's linear layers are kept in memory: "int8", "nf4", "nf4-dq" (with
  // quantized scales), "none" (in dtype, whatever the file holds), or empty: in 4 and 8 bits where the file
  // holds them so, else in dtype.
  std::string quantize;
  int threads = 0;  // 1 to 1024, or 0: one per core (not hyper-thread), within CPU quota and affinity mask
  ModelParts parts;
  bool use_t5 = true;  // false: the third encoder is not loaded, its part of the prompt embedding is zeros
  // A folder for encoded prompts, made if it is missing: a prompt that was drawn before with the same
  // encoders is read from there. Empty: none. Changes no picture.
  std::filesystem::path prompt_cache;
  // Bytes of memory that no stage should exceed, or 0 for no limit. How a picture is made, and with that its
  // last bits, depends on this and on the options (Callbacks::on_memory_plan); generate() refuses what cannot
  // be made to fit.
  std::uint64_t max_memory = 0;
  // A folder for the transformer's weights in the form this machine multiplies with, made and filled where it
  // lacks them: from there they are mapped, and the first step begins at once. One folder per model. Empty:
  // none. Changes no picture.
  std::filesystem::path packed;
  // What stays in memory from one call of generate() to the next, for as long as the Model lives: "nothing",
  // the "transformer" or "all" (text encoders and decoder too), with either the prompts that were encoded
  // last. Where max_memory does not hold that beside a picture, less stays, with a warning. What is in use is
  // shared with other calls on the model, and stays between the pictures of a call where it fits, in any
  // case. Changes no picture.
  std::string keep = "nothing";
  std::vector<LoraOptions> loras;  // added to the weights when they are loaded; several add up
  // What previews are made with (Callbacks::on_preview): "linear", a pixel a latent; a tiny autoencoder
  // (TAESD3), a file or folder, at full size for about one fiftieth of a step; or "taesd", which is
  // madebyollin/taesd3 of the Hugging Face cache. Changes no picture.
  std::string preview_with = "linear";
};

// Skip-layer guidance: a third forward without some blocks, whose difference pushes towards better anatomy.
struct SkipLayerOptions {
  std::vector<int> layers;  // empty: off; the model's authors recommend 7, 8, 9
  double scale = 2.8;
  double start = 0.01;  // of the steps, exclusive
  double stop = 0.2;    // of the steps, exclusive
  // The negative prompt's forward leaves the blocks out, instead of a third one: guidance leads away from it
  // at no cost, and `scale` has no part in it.
  bool in_negative = false;
};

// A picture that goes into a drawing: a file, read when it is needed, or one in memory. Files are PNG, JPEG
// or WebP.
struct InputPicture {
  std::filesystem::path path = {};              // empty: none, unless `picture` is set
  std::shared_ptr<const Picture> picture = {};  // in place of the file; `path` is then its name for people

  bool given() const { return picture != nullptr || !path.empty(); }
  bool operator==(const InputPicture&) const = default;
};

// Drawing that begins with a picture (img2img; diffusers' StableDiffusion3Img2ImgPipeline).
struct InitOptions {
  // Where neither width nor height is set, the drawing has its size: each side rounded down to a multiple of
  // 16, and pictures larger than the model was trained for (1440 x 1440 of Stable Diffusion 3.5) reduced to
  // that many pixels.
  InputPicture picture;
  // How much is drawn anew, above 0 to 1: the last steps of that share. Unset: 0.6, to outpaint 0.9.
  std::optional<double> strength;
  // "share": of num_inference_steps that share is run, as diffusers does; "steps": all are run, of a longer schedule, as
  // ComfyUI's `denoise` does.
  std::string strength_rule = "share";
  // Where the shapes differ: "stretch", "crop" (what is too much is cut off), "fill" (its edges go on).
  std::string resize = "stretch";
  // What of the autoencoder's distribution: "sample", drawn by the seed, as diffusers; "mode", its mean.
  std::string latent_sample = "sample";
};

// Painting a part of `init` anew.
struct InpaintOptions {
  // White is painted anew; of a mask with transparency, what is transparent. As large as the picture.
  InputPicture mask;
  bool invert = false;  // black is painted anew
  // How far the paint fades into the picture: the standard deviation of a Gaussian, in pixels of the picture.
  // Unset: 4, to outpaint 8.
  std::optional<double> blur;
  // What the painted part begins with: "original", "blur" (the colours around it), "noise", "zero" (of the
  // latents). Empty: "original", to outpaint "blur".
  std::string fill;
  // The part around the mask is drawn alone, at the full width and height, and put back: so many pixels
  // around it. Unset: the whole picture is drawn.
  std::optional<int> only_masked;
  // Grey is painted in proportion: it begins later (differential diffusion). Otherwise half white or more is
  // painted.
  bool soft = false;
  // False: the picture as it was decoded, in which what is not painted differs by a few levels.
  bool paste = true;
  // Pixels to add on the left, top, right and bottom, each rounded up to a multiple of 16; empty: none. Needs
  // no mask.
  std::vector<int> outpaint;
};

// Drawing small, then large from it ("hi-res fix"): width and height are those of the first pass.
struct HiresOptions {
  double scale = 1;  // of the sides, rounded to a multiple of 16; 1: off
  // As InitOptions::strength, of the second pass. Unset: 0.6, with "lanczos" 0.4.
  std::optional<double> strength;
  int steps = 0;  // of the second pass' schedule; 0: as many as the first's
  // "latent": the latents are enlarged (soft; needs more strength), "lanczos": the decoded picture.
  std::string upscaler = "latent";
};

// What is drawn, and how. What is unset is the model's own choice: `defaults` of its sd35.json, else what is
// named here.
struct GenerateOptions {
  std::string prompt;
  std::string negative_prompt;
  // For the second CLIP and for T5; unset: the prompt.
  std::optional<std::string> prompt_2, prompt_3;
  std::optional<std::string> negative_prompt_2, negative_prompt_3;
  // Multiples of 16; with a warning below 256 and above 1440, of Stable Diffusion 3.5. Unset: what the model
  // is configured for, 1024 of Stable Diffusion 3.5.
  std::optional<int> width, height;
  // "turbo": 8 steps, no guidance, a shift of 5, for models that were distilled to few steps. What is set
  // below wins; completed() and recipes hold what it stands for.
  std::string preset;
  std::optional<int> num_inference_steps;  // unset: 40
  // 1 or less: no guidance. Unset: 4.5.
  std::optional<double> guidance_scale;
  // Steps with guidance, as fractions of all: from start (inclusive) to stop (exclusive). The others, and
  // skip-layer guidance in them, run the prompt alone in half the time.
  double guidance_start = 0;
  double guidance_stop = 1;
  // CFG-Zero* (arXiv 2503.18886): guidance leads away from the multiple of the negative prompt's velocity
  // that is nearest to the prompt's. Its first steps, fewer than all, are left out: the noise stays as it is,
  // in no time. They count from the first of all, so drawing that begins later leaves out fewer or none. Only
  // the sampler euler can do that; unset: 1 there, 0 with others.
  bool cfg_zero = false;
  std::optional<int> cfg_zero_steps;
  // Adaptive projected guidance (arXiv 2410.02416), for stronger guidance without burnt colours. Three
  // numbers: the share that is kept of the part along the prediction; the longest that the difference of the
  // predictions may be, for 1024 x 1024 pixels (0: any length); the momentum of the differences before, between
  // -1 and 1, below 0 away from them. Empty: off. {1, 0, 0} is guidance as without it.
  std::vector<double> apg;
  // Above 0, to 1: this share of the guided velocity is brought to the deviation of the prompt's own.
  double guidance_rescale = 0;
  // Above 0: the first-block cache. A step whose first block adds nearly what it added in the last step that
  // was computed whole (their mean absolute difference below this share of their mean size) adds what the
  // other blocks added then. About 0.05 to 0.2 is worthwhile; it changes the picture.
  double block_cache = 0;
  // Above 1: of the steps after the third, only every so-many-th and the last are computed; the velocity of
  // the others is that of a line through the last two. About 2 or 3 is worthwhile; it changes the picture.
  // Not for samplers that add noise.
  int forecast = 1;
  // "euler", "heun", "dpm++2m", or, with new noise in each step, "euler_a", "lcm"; unset: "euler"
  std::optional<std::string> sampler;
  // Shift of the noise levels, 0.01 to 100: above 1 more of the steps go to the picture's layout, below to
  // its details. 0: by the picture's size, 3 at 1024 x 1024, 1.5 at 512 x 512, in proportion to the side.
  // Unset: that of the model's scheduler, 3 of Stable Diffusion 3.5.
  std::optional<double> shift;
  std::uint64_t seed = 0;  // picture i uses seed + i
  int count = 1;           // pictures
  // T5 tokens, 1 to 512; unset: 256, or fewer where the model's tokenizer says so.
  std::optional<int> max_sequence_length;
  std::string generator = "cpu";  // "cpu": torch's CPU generator; "cuda": torch's CUDA generator
  std::string noise_dtype;  // type the noise is drawn in: "f32", "f16", "bf16"; empty: the pipeline's dtype,
                            // as diffusers
  SkipLayerOptions skip_layer_guidance;
  // Adapters of these pictures alone, beside those of LoadOptions: nothing is loaded again for others,
  // whatever form the weights have. Each step takes a few percent longer; weights of the text encoders are
  // changed as they are read. A model that keeps its transformer also keeps what was read of these files,
  // until they change or others take their place.
  std::vector<LoraOptions> loras;
  InitOptions init;
  InpaintOptions inpaint;
  HiresOptions hires;
  // A picture to change as the prompt says ("remove the hat"), by models trained for that (SD3.5 Medium
  // Kontext): its tokens stand before those of the drawing in every step. Has the size rules of
  // InitOptions::picture.
  InputPicture edit;
  // The model is one of these, though its configuration does not say so.
  bool reference_tokens = false;
  bool vae_tiling = false;  // decode in overlapping tiles, as diffusers does: less memory, other colours
  bool metadata = true;  // false: Picture::metadata stays empty, and so files say nothing of how it was made
  bool provenance = true;  // false: Picture::digital_source_type stays empty, and files bear no mark
  // The recipe in the metadata names model, parts and LoRAs by the last part of their paths (a model of the
  // Hugging Face cache by its name there), beside hashes of what they hold. True: by their paths.
  bool recipe_paths = false;
};

struct OpenedModel;

// A model, opened: its files are parsed, compared with each other and mapped. Copies are the same model; it
// never changes and may be used from several threads at once. Two models with the same file share it
// (shards excepted).
class SD35_API Model {
 public:
  // `model`: a folder in the diffusers layout, a single-file checkpoint, or a name in the Hugging Face cache.
  // Checks that every tensor is bound; weights are read when a stage needs them.
  static Model open(const std::string& model, const LoadOptions& options = {});
  // 32 hexadecimal digits from the content of its files of weights, wherever they lie: of each its size, its
  // beginning and 16 blocks spread over it, so that a copy has the same and other weights have another.
  std::string hash() const;

 private:
  friend class Pipeline;
  explicit Model(std::shared_ptr<const OpenedModel> opened) : opened_(std::move(opened)) {}
  std::shared_ptr<const OpenedModel> opened_;
};

// Of one file, as Model::hash() counts them, or of the files of a LoRA that is a folder. Throws FileError
// when it cannot be read.
SD35_API std::string file_hash(const std::filesystem::path& file);

// 32 hexadecimal digits from the pixels of a picture, whatever its file is like. Throws FileError when it
// cannot be read.
SD35_API std::string picture_hash(const InputPicture& picture);

// Draws with a model. generate() and completed() may be called from several threads at once, on one pipeline
// or on several of one model: each call has threads and memory of its own, pictures are the same as one after
// the other, and stopping one leaves the others alone. start_profile() and finish_profile() must not run
// during other calls.
class SD35_API Pipeline {
 public:
  // The same as Pipeline(Model::open(model, options)).
  static Pipeline from_pretrained(const std::string& model, const LoadOptions& options = {});
  explicit Pipeline(const Model& model);
  ~Pipeline();
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;

  // The options as generate() takes them: width, height, num_inference_steps, guidance_scale, sampler and
  // max_sequence_length are set, to the model's own values (`defaults` of its sd35.json, docs/weights.md)
  // where they were not; a preset and a shift by size are replaced by what they stand for. Further prompts
  // stay unset, and so does `shift`. Throws ArgumentError where generate() would for options that are
  // impossible, before anything is loaded: a check of a request.
  GenerateOptions completed(const GenerateOptions& options) const;
  // T5 tokens of a text, its end included, however long; 0 without T5.
  std::int64_t t5_tokens(const std::string& text) const;

  // One picture per seed, seed to seed + count - 1; none where Callbacks::on_picture took them. Throws
  // ArgumentError for impossible options, NumericError when a stage produced NaN or infinity, Cancelled when
  // a callback asked to stop.
  std::vector<Picture> generate(const GenerateOptions& options, const Callbacks& callbacks = {}) const;

  // From here on every operation is timed, at no measurable cost. Throws FileError when the file `trace`,
  // which finish_profile() writes, cannot be made.
  void start_profile(const std::filesystem::path& trace);
  // Ends the profile. Writes the trace by stage, block and operation in Chrome's format (chrome://tracing,
  // ui.perfetto.dev) and returns a table for a person: seconds of stages and operations, their share of the
  // whole, GFLOP/s, and their share of what this machine's vector units reach, which is measured now. Throws
  // FileError when the file cannot be written, ArgumentError when no profile was started.
  std::string finish_profile();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether this program has the engine that LoadOptions::engine names.
SD35_API bool has_engine(std::string_view engine);
// Whether from_pretrained finds something to open: a path, or a name in the Hugging Face cache.
SD35_API bool has_model(const std::string& model);

// Fills the folder options.packed, as Pipeline::generate does when it loads the transformer. What cannot be
// packed is a warning. Throws what from_pretrained throws.
SD35_API void pack(const std::string& model, const LoadOptions& options, const Callbacks& callbacks = {});

// The options that made a picture, from its metadata (PNG, JPEG, WebP), as far as they change pictures:
// threads, `keep` and the folders of LoadOptions are the caller's to choose. They draw this one picture, of a
// series too. Paths, and `model`, are as they were given, relative to the folder that the program ran in
// then; nothing is opened here. Of pictures of AUTOMATIC1111's web UI and of ComfyUI it holds what has a
// meaning here, and no `model`; it draws something alike, not the same. Throws FileError when the file holds
// none.
struct Recipe {
  std::string model;  // a name, or a path: GenerateOptions::recipe_paths
  LoadOptions load;
  GenerateOptions generate;
  // Of the weights of `model`, with the parts that were named beside it, as Model::hash() gives it, and of
  // LoRAs by their names; empty in older recipes.
  std::string model_hash = {};
  std::map<std::string, std::string> lora_hashes = {};
  // Of the pictures that went in, as picture_hash() gives it, by their options.
  std::map<std::string, std::string> picture_hashes = {};
  // Settings of another program that have no meaning here, as it names them: "Clip skip: 2".
  std::vector<std::string> left_out = {};
};
SD35_API Recipe read_recipe(const std::filesystem::path& picture);
// The same of a picture in memory, which messages call `name`.
SD35_API Recipe recipe_of(const Picture& picture, const std::string& name = "the picture");

// What a model path holds, for a person (or as JSON): components, layers, shapes, types, parameters, bytes,
// and what is missing to generate. `tensors`: list every tensor too.
SD35_API std::string inspect(const std::filesystem::path& model, bool json = false, bool tensors = false);

// A model with random weights and the real names, shapes and arithmetic. The values depend on the seed and on
// the names of the tensors only, so both layouts draw the same pictures.
struct RandomModelOptions {
  // A folder in the diffusers layout that gives configurations and tokenizers (its weights are not read).
  std::filesystem::path like;
  std::string size = "tiny";         // "tiny": made from nothing unless `like` is set; "medium": needs `like`
  std::string layout = "diffusers";  // a folder; or "single": the original layout, one file with everything
                                     // and, beside it, a folder `tokenizers`
  std::string dtype = "bf16";        // "f32", "f16", "bf16"
  std::uint64_t seed = 0;
};
// Throws ArgumentError for options it does not know and for an output that exists, FileError when `like` is
// damaged or the output cannot be written, Cancelled; then nothing is left behind.
SD35_API void make_random_model(const RandomModelOptions& options, const std::filesystem::path& output,
                                const Callbacks& callbacks = {});

// Which files a checkpoint becomes.
struct ConvertOptions {
  // "f32", "f16", "bf16": everything. "fp8" (e4m3; in a single file with a scale per tensor, in a folder
  // without and of the transformer only unless components are named, the rest in 16 bits), "q8_0", "q4_0",
  // "q4_1", "q5_0", "q5_1" (GGUF), "nf4", "nf4-dq" (bitsandbytes): the weights of linear layers; what is
  // sensitive or small stays in 16 or 32 bits. Empty: as the input has it, where the layout can hold that.
  std::string type;
  // "diffusers" (a folder), "single" (safetensors, the original names) or "gguf"; empty: by the extension of
  // the output.
  std::string layout;
  // "transformer", "vae", "text_encoder" ("clip_l"), "text_encoder_2" ("clip_g"), "text_encoder_3" ("t5xxl");
  // empty: all there are. Where one is named, the input may be a file that holds nothing else.
  std::vector<std::string> components;
  ModelParts parts;  // what the input lacks, or what replaces what it holds
};
// What was converted to what.
struct ConvertReport {
  struct Row {
    std::string component;      // "transformer"
    std::string what;           // "linear layers", "biases, norms"
    std::string type;           // "q8_0"
    std::uint64_t tensors = 0;  // in the diffusers layout
    std::uint64_t parameters = 0;
  };
  std::vector<Row> rows;
};
// Converts a model, tensor by tensor, into the new file or folder `output`. What a folder's JSON files say
// is kept: a single file has it in its metadata. `input`: as the model of Pipeline::from_pretrained.
// Throws ArgumentError for options that do not go together and an output that exists, FileError for an input
// that is damaged or holds values that the type does not, and an output that cannot be written, Cancelled;
// then nothing is left behind.
SD35_API ConvertReport convert(const std::string& input, const std::filesystem::path& output,
                               const ConvertOptions& options, const Callbacks& callbacks = {});

// A tokenizer learned from texts, for encoders that are trained from nothing.
struct TokenizerOptions {
  std::string kind;                         // "clip" (byte-level BPE) or "t5" (SentencePiece unigram)
  int vocab_size = 0;                       // 0: as published, 49408 or 32000; fewer where texts are few
  int model_max_length = 0;                 // 0: as published, 77 or 512
  std::string pad_token = "<|endoftext|>";  // of "clip": CLIP-G has "!"
  double character_coverage = 1.0;          // of "t5": share of the texts' characters that get a token
  bool split_characters = false;            // of "t5": every token is a character
  bool whole_words = false;                 // of "t5": every token is a frequent word or a character
};
// Writes the files of transformers' CLIPTokenizer or T5Tokenizer into the new folder `output` and returns the
// number of tokens (of "t5": 100 sentinels among them). `inputs`: files of UTF-8, one text per line. Throws
// ArgumentError for impossible options, no text, and an output that exists, FileError for files that cannot
// be read or written, Error when SentencePiece's program spm_train, which "t5" needs, is missing, Cancelled;
// then nothing is left behind.
SD35_API int train_tokenizer(const TokenizerOptions& options,
                             const std::vector<std::filesystem::path>& inputs,
                             const std::filesystem::path& output, const Callbacks& callbacks = {});

}  // namespace sd35
