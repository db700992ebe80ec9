// For tests: layers made by hand, each with something that an archive may hold, and random ones.
#pragma once

#include <rapidcheck/gtest.h>

#include <functional>

#include "snapshot/tree_oracles.h"

namespace skiff::snapshot {

struct Case {
  const char* what;
  std::function<void(LayerTar&)> add;
  Judges judges = Judges::kBoth;
  const char* why = "";  // the others are none
  // The same tree, in an order in which the oracles can make it.
  std::function<void(LayerTar&)> add_for_oracles;
};

inline TarEntry with_xattrs(const std::string& name, std::map<std::string, std::string> xattrs,
                            TarType type = TarType::kFile) {
  return {.name = name,
          .type = type,
          .mtime = LayerTar::kTime,
          .link_target = type == TarType::kSymlink ? "x" : "",
          .xattrs = std::move(xattrs)};
}

inline TarEntry device(const std::string& name, TarType type, uint32_t dev_major,
                       uint32_t dev_minor) {
  return {.name = name,
          .type = type,
          .mode = 0600,
          .mtime = LayerTar::kTime,
          .dev_major = dev_major,
          .dev_minor = dev_minor};
}

inline const std::string capability_value("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
inline const std::string acl_value(
    "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\4\0\350\3\0\0\4\0\0\0\377\377\377\377"
    "\20\0\4\0\377\377\377\377\40\0\4\0\377\377\377\377",
    44);

inline const Case accepted_cases[] = {
    {"nothing", [](LayerTar&) {}},
    {"a root", [](LayerTar& t) { t.directory("./", 01700); }},
    {"duplicates",
     [](LayerTar& t) {
       t.file("f", "first").file("./f", "second").file("was-file").directory("was-file");
       t.file("was-file/x").symlink("was-link", "f").file("was-link", "a file");
       t.directory("d", 0700).file("d/kept").directory("d", 0751).directory("empty");
       t.file("empty", "now a file");
     }},
    {"a file in the place of a full directory",
     [](LayerTar& t) { t.directory("was-dir").file("was-dir/x/y", "1").file("was-dir", "a file"); },
     Judges::kNone, "they remove no directory that holds something"},
    {"a directory in the place of a symlink to one",
     [](LayerTar& t) { t.directory("d").symlink("to-d", "d").directory("to-d"); }, Judges::kGnuTar,
     "libarchive is content with the symlink"},
    {"a directory after its children",
     [](LayerTar& t) { t.file("a/b/f", "x").directory("a", 0700).directory("a/b", 0711); }},
    {"missing parents", [](LayerTar& t) { t.file("a/b/c/d/f", "x").symlink("e/l", "x"); }},
    {"hard links",
     [](LayerTar& t) {
       t.file("d/f", "x").hard_link("before", "d/f").hard_link("d/again", "./d//f");
       t.symlink("s", "d/f").hard_link("s2", "s").file("x", "1").hard_link("x", "d/f");
       t.directory("e").hard_link("e", "before");
     }},
    {"a hard link to itself", [](LayerTar& t) { t.file("f", "x").hard_link("f", "./f"); },
     Judges::kGnuTar, "libarchive refuses it"},
    {"a hard link keeps what was replaced",
     [](LayerTar& t) { t.file("a", "old").hard_link("b", "a").file("a", "new"); }},
    {.what = "hard links before their targets",
     .add =
         [](LayerTar& t) {
           t.hard_link("l", "d/f").hard_link("d/again", "d/f").symlink("s", "d");
           t.hard_link("through", "s/g").directory("d").file("d/f", "x").file("d/g", "y");
         },
     .add_for_oracles =
         [](LayerTar& t) {
           t.directory("d").file("d/f", "x").file("d/g", "y").symlink("s", "d");
           t.hard_link("l", "d/f").hard_link("d/again", "d/f").hard_link("through", "s/g");
         }},
    {.what = "hard links before their targets, and what had their names",
     .add =
         [](LayerTar& t) {
           t.file("l", "old").directory("e").file("e/x").file(".wh.w").hard_link("l", "f");
           t.hard_link("e", "f").hard_link("w", "f").file(".wh.l").file(".wh.f").file("f", "x");
         },
     .add_for_oracles =
         [](LayerTar& t) {
           t.file("f", "x").hard_link("l", "f").hard_link("e", "f").hard_link("w", "f");
         }},
    {.what = "hard links before their targets, whose names later entries have",
     .add =
         [](LayerTar& t) {
           t.hard_link("l", "f").file("l", "x").hard_link("m", "f").file("m/x").directory("d");
           t.hard_link("d/l", "f")
               .file("d", "a file")
               .hard_link("e/l", "f")
               .file("e")
               .directory("e");
           t.hard_link("n", "never").hard_link("n", "f").file("f", "y");
         },
     .add_for_oracles =
         [](LayerTar& t) {
           t.file("l", "x").file("m/x").file("d", "a file").directory("e").file("f", "y");
           t.hard_link("n", "f");
         }},
    {"hard links through symlinks",
     [](LayerTar& t) {
       t.directory("d").symlink("l", "d").file("l/f", "x").hard_link("l/g", "l/f");
       t.hard_link("d/h", "l/g");
     }},
    {"symlinks within",
     [](LayerTar& t) {
       t.directory("usr").directory("usr/lib").symlink("lib", "usr/lib").file("lib/x", "1");
       t.symlink("usr/up", "../usr/./lib/").file("usr/up/y", "2").symlink("two", "lib/../lib");
       t.file("two/z/deep", "3").directory("usr/lib/z", 0700);
     },
     Judges::kLibarchive, "GNU tar makes symlinks with .. when all else is there"},
    {"one directory by two names",
     [](LayerTar& t) {
       t.symlink("lib", "usr/lib").directory("usr/lib", 0711).file("lib/x/f").file("lib/y/f");
       t.directory("usr/lib/x", 0700).directory("usr/lib/y", 0700).directory("lib/y", 0750);
     }},
    {"a symlink replaced",
     [](LayerTar& t) {
       t.directory("a").directory("b").symlink("l", "a").file("l/one").symlink("l", "b");
       t.file("l/two").file("l", "file");
     }},
    {"whiteouts",
     [](LayerTar& t) {
       t.directory("d").file("d/.wh.a").file(".wh.e").file(".wh..wh.plnk").file("x/.wh.y");
       t.file(".wh..wh.aufs/sub");
     }},
    {"whiteouts and what the layer holds",
     [](LayerTar& t) {
       t.file(".wh.d").directory("d").file("d/new").file(".wh.f").file("f", "new");
       t.directory("e").file("e/new").file(".wh.e").file("g", "new").file(".wh.g");
       t.file(".wh.i").file("i/new", "x");
     }},
    {"opaque directories",
     [](LayerTar& t) {
       t.directory("d").file("d/.wh..wh..opq").file("d/new").file("e/new");
       t.file("e/.wh..wh..opq").directory("e", 0700).file("h/.wh..wh..opq");
     }},
    {"everything opaque", [](LayerTar& t) { t.file(".wh..wh..opq").file("only"); }},
    {"devices",
     [](LayerTar& t) {
       t.add(device("null", TarType::kCharDevice, 1, 3));
       t.add(device("zero", TarType::kBlockDevice, 0, 0));
       t.add(device("big", TarType::kBlockDevice, 4095, 1'048'575));
       t.add(device("fifo", TarType::kFifo, 0, 0));
     }},
    {"attributes",
     [](LayerTar& t) {
       t.add(with_xattrs(
           "f", {{"user.x", "1"}, {"trusted.y", ""}, {"security.capability", capability_value}}));
       t.add(with_xattrs("d", {{"user.x", "1"}, {"user.y", "1"}}, TarType::kDirectory));
       t.add(with_xattrs("l", {{"trusted.yes", "1"}}, TarType::kSymlink));
       t.add(with_xattrs("label", {{"security.selinux", "x"}, {"security.ima", "x"}}));
     }},
    {"attributes that Linux refuses",
     [](LayerTar& t) {
       t.add(with_xattrs("l", {{"user.no", "1"}, {"trusted.yes", "1"}}, TarType::kSymlink));
       t.add(with_xattrs("p", {{"user.no", "1"}}, TarType::kFifo));
       t.add(with_xattrs("strange", {{"other.x", "1"}, {"system.nfs4_acl", "1"}}));
     },
     Judges::kGnuTar, "libarchive ends with an error"},
    {"attributes of a directory that comes twice",
     [](LayerTar& t) {
       t.add(with_xattrs("d", {{"user.x", "1"}, {"user.y", "1"}}, TarType::kDirectory));
       t.add(with_xattrs("d", {{"user.x", "2"}}, TarType::kDirectory));
     },
     Judges::kGnuTar, "libarchive adds them to what is there"},
    {"attributes of overlayfs are not believed",
     [](LayerTar& t) {
       t.add(with_xattrs("d", {{"trusted.overlay.opaque", "y"}, {"trusted.overlay.redirect", "/x"}},
                         TarType::kDirectory));
       t.add(with_xattrs("f", {{"trusted.overlay.metacopy", ""}}));
     }},
    {"access control lists",
     [](LayerTar& t) {
       TarEntry file = with_xattrs("f", {{"system.posix_acl_access", acl_value}});
       file.mode = 0644;
       t.add(file);
       t.add(with_xattrs("d", {{"system.posix_acl_default", acl_value}}, TarType::kDirectory));
       t.add(with_xattrs("l", {{"system.posix_acl_access", acl_value}}, TarType::kSymlink));
       t.add(with_xattrs("none", {{"system.posix_acl_access", std::string("\2\0\0\0", 4)}}));
     },
     Judges::kGnuTar, "libarchive leaves out ACLs in this form"},
    {"owners and times",
     [](LayerTar& t) {
       t.add({.name = "f",
              .mode = 06755,
              .uid = 4'294'967'294,
              .gid = 70'000,
              .mtime = TimePoint(std::chrono::seconds(-7))});
       t.add(
           {.name = "g", .mtime = TimePoint(std::chrono::nanoseconds(1'234'567'890'123'456'789))});
     }},
    {"a fraction of a second before 1970",
     [](LayerTar& t) { t.add({.name = "f", .mtime = TimePoint(std::chrono::nanoseconds(-1))}); },
     Judges::kGnuTar, "libarchive gets the fraction's sign wrong"},
    {"names of no encoding",
     [](LayerTar& t) { t.file("\xff\xc3").file(cat(std::string(200, 'x'), "\xff")); },
     Judges::kGnuTar, "libarchive converts the names of PAX headers"},
    {"long names",
     [](LayerTar& t) {
       t.file(std::string(255, 'n'), "x").symlink("l", std::string(4095, 't'));
       t.file(cat(std::string(255, 'd'), "/", std::string(255, 'e')), "x");
     }},
};

inline const Case refused_cases[] = {
    {"the name leaves the layer", [](LayerTar& t) { t.file("../evil"); }},
    {"the name leaves the layer", [](LayerTar& t) { t.file("a/../../evil"); }},
    {"the name leaves the layer", [](LayerTar& t) { t.directory(".."); }},
    {"the name leaves the layer", [](LayerTar& t) { t.file("/../evil"); }},
    {"the root must be a directory", [](LayerTar& t) { t.file("/"); }},
    {"the name is too long",
     [](LayerTar& t) { t.file(cat(std::string(5000, '/').replace(0, 1, "d"), "f")); }},
    {"create: File name too long", [](LayerTar& t) { t.file(std::string(256, 'n')); }},
    {"mkdir: File name too long", [](LayerTar& t) { t.directory(std::string(256, 'n')); }},
    {": File name too long", [](LayerTar& t) { t.file(cat(std::string(256, 'n'), "/f")); }},
    {"create: File name too long", [](LayerTar& t) { t.symlink("l", std::string(4096, 't')); }},
    {"make whiteout: File name too long",
     [](LayerTar& t) { t.file(cat(".wh.", std::string(256, 'n'))); }},
    {"a whiteout of no name", [](LayerTar& t) { t.file("d/.wh."); }},
    {"a whiteout of no name", [](LayerTar& t) { t.file(".wh..."); }},
    {"a name beneath a whiteout", [](LayerTar& t) { t.file(".wh.x/f"); }},
    {"the root must be a directory", [](LayerTar& t) { t.file("."); }},
    {"leaves the layer", [](LayerTar& t) { t.symlink("l", "/etc").file("l/f"); }},
    {"leaves the layer", [](LayerTar& t) { t.symlink("d/l", "../../etc").file("d/l/f"); }},
    {"to no directory: No such file", [](LayerTar& t) { t.symlink("l", "no").file("l/f"); }},
    {"to no directory: Not a directory",
     [](LayerTar& t) { t.file("x").symlink("l", "x").file("l/f"); }},
    {"to no directory: Too many levels",
     [](LayerTar& t) { t.symlink("l", "m").symlink("m", "l").file("l/f"); }},
    {"Not a directory", [](LayerTar& t) { t.file("x").file("x/f"); }},
    {"which is no file of this layer: create: No such file",
     [](LayerTar& t) { t.hard_link("l", "no"); }},
    {"No such file", [](LayerTar& t) { t.hard_link("l", "no/such"); }},
    {"hard link to \"b\", which is no file of this layer: create: No such file",
     [](LayerTar& t) { t.hard_link("a", "b").hard_link("b", "f").file("f"); }},
    {"hard link to \"d\", which is no file of this layer: create: Operation not permitted",
     [](LayerTar& t) { t.hard_link("l", "d").directory("d"); }},
    {"layer entry \"l\": hard link to \"f\"",
     [](LayerTar& t) { t.hard_link("l", "f").file("f/x"); }},
    {"create: No such file", [](LayerTar& t) { t.file(".wh.f").hard_link("l", "f"); }},
    {"create: No such file",
     [](LayerTar& t) { t.directory("d").file("d/f").hard_link("d", "d/f"); }},
    {"Operation not permitted", [](LayerTar& t) { t.directory("d").hard_link("l", "d"); }},
    {"hard link to the root", [](LayerTar& t) { t.hard_link("l", "."); }},
    {"the name leaves the layer", [](LayerTar& t) { t.file("f").hard_link("l", "../f"); }},
    {"a symlink without a target", [](LayerTar& t) { t.symlink("l", ""); }},
    {"a character device 0:0 cannot be part of a layer",
     [](LayerTar& t) { t.add(device("x", TarType::kCharDevice, 0, 0)); }},
    {"create: Invalid argument",
     [](LayerTar& t) { t.add(device("x", TarType::kCharDevice, 4096, 1)); }},
    {"owner 4294967295:0 is out of range",
     [](LayerTar& t) { t.add({.name = "f", .uid = 4'294'967'295}); }},
    {"set extended attribute security.capability: Invalid argument",
     [](LayerTar& t) { t.add(with_xattrs("f", {{"security.capability", "x"}})); }},
    {"set extended attribute system.posix_acl_access: Invalid argument",
     [](LayerTar& t) { t.add(with_xattrs("f", {{"system.posix_acl_access", acl_value + "x"}})); }},
    {"set extended attribute system.posix_acl_access: Invalid argument",
     [](LayerTar& t) {
       t.add(with_xattrs("f", {{"system.posix_acl_access", acl_value.substr(0, 36)}}));
     }},
    {"set extended attribute system.posix_acl_default: Permission denied",
     [](LayerTar& t) { t.add(with_xattrs("f", {{"system.posix_acl_default", acl_value}})); }},
};

// For the oracles without what they get wrong now and then: of two entries of one directory
// libarchive may take the first one's mode, and GNU tar may put a symlink with .., which it makes
// last, in the place of a later entry. And where anything else takes a directory's place or it
// theirs, GNU tar may give that the directory's mode, and libarchive keeps a symlink to another:
// their names end in letters of their own.
enum class RandomKind { kAny, kForOracles };

// Random archives of few names, so that they meet.
class RandomArchive {
 public:
  explicit RandomArchive(RandomKind kind) : oracles_(kind == RandomKind::kForOracles) {}
  std::string make() {
    for (int left = pick(25); left > 0; --left) add();
    return tar_.take();
  }

 private:
  static int pick(int most) { return *rc::gen::inRange(0, most); }
  static std::string name(char first = 'a', char last = 'c') {
    std::string text;
    for (int depth = pick(3); depth > 0; --depth)
      text += cat(static_cast<char>('a' + pick(3)), "/");
    return text += static_cast<char>(first + pick(last - first + 1));
  }
  std::string name_of_directory() { return oracles_ ? name('a', 'a') : name(); }
  std::string name_of_other() { return oracles_ ? name('b') : name(); }
  static std::string beside(std::string_view marker) {
    const std::string path = cat("/", name());
    const size_t slash = path.rfind('/');
    return cat(path.substr(0, slash), "/", marker, path.substr(slash + 1)).substr(1);
  }
  void file() {
    files_.push_back(name_of_other());
    tar_.file(files_.back(), std::string(static_cast<size_t>(pick(600)), 'x'));
  }
  void add() {
    switch (pick(9)) {
      case 0:
      case 1:
        tar_.directory(name_of_directory(),
                       oracles_ ? 0755 : static_cast<uint32_t>(0700 + pick(64)));
        break;
      case 2:
      case 3:
        file();
        break;
      case 4:
        tar_.symlink(name_of_other(), cat(!oracles_ && pick(4) == 0 ? "../" : "", name()));
        break;
      case 5:
        // Also to what may come later.
        tar_.hard_link(name_of_other(),
                       pick(4) == 0 ? name() : files_[*rc::gen::inRange<size_t>(0, files_.size())]);
        break;
      case 6:
        tar_.file(beside(".wh."));
        break;
      case 7:
        tar_.file(cat(name(), "/.wh..wh..opq"));
        break;
      default:
        tar_.add(device(name_of_other(), TarType::kFifo, 0, 0));
    }
  }

  bool oracles_;
  LayerTar tar_;
  std::vector<std::string> files_ = {"a"};
};

}  // namespace skiff::snapshot
