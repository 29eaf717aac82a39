#include "core/mapped_places.h"

#include <atomic>
#include <mutex>

#include "core/messages.h"

namespace sd35 {
namespace {

// A signal handler may read a place at any moment, so places are reused and never freed. The name changes
// only while the place is free, when no address lies in it.
struct Place {
  std::atomic<const std::byte*> begin = nullptr;  // null: free
  std::atomic<const std::byte*> end = nullptr;
  std::string name;
  Place* next = nullptr;
};

std::atomic<Place*> places = nullptr;
std::mutex changing;

}  // namespace

void add_mapped_place(std::span<const std::byte> bytes, const std::string& path) {
  const std::lock_guard lock(changing);
  Place* place = places;
  while (place != nullptr && place->begin != nullptr) place = place->next;
  const bool is_new = place == nullptr;
  if (is_new) place = new Place;
  place->name = in_quotes(path);
  place->end = bytes.data() + bytes.size();
  place->begin = bytes.data();
  if (!is_new) return;
  place->next = places;
  places = place;
}

void remove_mapped_place(std::span<const std::byte> bytes) {
  const std::lock_guard lock(changing);
  Place* place = places;
  while (place->begin != bytes.data()) place = place->next;
  place->begin = nullptr;
}

const char* mapped_file_at(const void* address) noexcept {
  const auto* byte = static_cast<const std::byte*>(address);
  for (const Place* place = places; place != nullptr; place = place->next) {
    const std::byte* begin = place->begin;
    if (begin != nullptr && begin <= byte && byte < place->end) return place->name.c_str();
  }
  return nullptr;
}

}  // namespace sd35
