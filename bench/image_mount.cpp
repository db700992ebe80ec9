// image_mount erofs|overlay DIRECTORY ROUNDS: makes the root of a 10-layer image ready, with its
// layers not mounted before and with those that another container has mounted. Prints for each
// round the milliseconds of prepare(), and of mount_of() and the overlay mount, without and with.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/strings.h"
#include "codec/tar.h"
#include "snapshot/snapshotter.h"

namespace skiff::snapshot {
namespace {

constexpr int kLayers = 10;
constexpr int kFiles = 500;

class Stopwatch {
 public:
  double milliseconds() const {
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - start_;
    return passed.count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::string name_of_layer(int number) { return cat("layer-", number); }

Result<std::string> layer_tar(int number) {
  StringSink tar;
  TarWriter writer(tar);
  const std::string body(2000, 'x');
  for (int file = 0; file < kFiles; ++file) {
    TarEntry entry;
    entry.name = cat("usr/share/part-", number, "/", file % 20, "/file-", file);
    entry.size = body.size();
    TRY(writer.add(entry));
    TRY(writer.write_body(body));
  }
  TRY(writer.finish());
  return tar.take();
}

Result<> fill(Snapshotter& store) {
  std::string parent;
  for (int number = 0; number < kLayers; ++number) {
    const std::string tar = TRY(layer_tar(number));
    StringSource source(tar);
    TRY(store.unpack(name_of_layer(number), parent, source));
    parent = name_of_layer(number);
  }
  return {};
}

struct Ready {
  MountedSnapshot root;
  double prepared = 0;
  double mounted = 0;
};

Result<Ready> make_ready(Snapshotter& store, const std::string& key, const Path& target) {
  TRY(make_directories(target));
  const Stopwatch preparing;
  TRY(store.prepare(key, name_of_layer(kLayers - 1)));
  const double prepared = preparing.milliseconds();
  const Stopwatch mounting;
  const Mount what = TRY(store.mount_of(key));
  MountedSnapshot root = TRY(MountedSnapshot::mount(what, target));
  return Ready{std::move(root), prepared, mounting.milliseconds()};
}

// With a store just opened: no layer is mounted.
Result<> measure(const Path& directory, const BackendChoice& choice) {
  const auto store = TRY(open_snapshotter(directory / "store", choice));
  {
    const Ready first = TRY(make_ready(*store, "first", directory / "first"));
    const Ready second = TRY(make_ready(*store, "second", directory / "second"));
    std::printf("%.3f %.3f %.3f\n", first.prepared, first.mounted, second.mounted);
  }
  TRY(store->remove("first"));
  TRY(store->remove("second"));
  return {};
}

Result<> run(std::string_view backend_name, const Path& directory, long rounds) {
  BackendChoice choice;
  choice.backend = backend_name == "erofs" ? Backend::kErofs : Backend::kOverlay;
  {
    const auto store = TRY(open_snapshotter(directory / "store", choice));
    TRY(fill(*store));
  }
  for (long round = 0; round < rounds; ++round) TRY(measure(directory, choice));
  return {};
}

}  // namespace
}  // namespace skiff::snapshot

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: image_mount erofs|overlay DIRECTORY ROUNDS\n", stderr);
    return 2;
  }
  const auto done = skiff::snapshot::run(argv[1], argv[2], std::strtol(argv[3], nullptr, 10));
  if (!done) {
    std::fprintf(stderr, "image_mount: %s\n", done.error().message().c_str());
    return 1;
  }
  return 0;
}
