#include "core/error.h"

namespace sd35 {

void rethrow_with_context(const std::string& context) {
  try {
    throw;
  } catch (const ArgumentError& e) {
    throw ArgumentError(context + ": " + e.what());
  } catch (const FileError& e) {
    throw FileError(context + ": " + e.what());
  } catch (const NumericError& e) {
    throw NumericError(context + ": " + e.what());
  } catch (const Cancelled&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(context + ": " + e.what());
  }
}

}  // namespace sd35
