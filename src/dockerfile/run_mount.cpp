#include "dockerfile/run_mount.h"

#include <array>
#include <limits>
#include <map>
#include <vector>

#include "base/size.h"
#include "base/strings.h"
#include "codec/csv.h"
#include "dockerfile/instruction_flags.h"

namespace skiff::dockerfile {

namespace {

struct Field {
  std::string key;  // lower case, the longest of its names
  std::string written;
  std::string text;  // the whole
  std::optional<std::string> value;
};

std::string long_name(const std::string& key) {
  static const std::map<std::string, std::string> kNames = {{"src", "source"},
                                                            {"dst", "target"},
                                                            {"destination", "target"},
                                                            {"ro", "readonly"},
                                                            {"rw", "readwrite"}};
  const auto found = kNames.find(key);
  return found == kNames.end() ? key : found->second;
}

Result<std::vector<Field>> read_fields(const std::string& text) {
  std::vector<Field> out;
  for (std::string& field : TRY_CONTEXT(parse_csv(text), "failed to parse csv mounts")) {
    Field one{.text = field};
    const auto parts = split_once(field, '=');
    one.written = to_lower(parts ? parts->first : std::string_view(field));
    if (parts) one.value = std::string(parts->second);
    one.key = long_name(one.written);
    out.push_back(std::move(one));
  }
  return out;
}

template <typename Kind, size_t N>
Result<Kind> choose(std::string_view what, const std::string& value,
                    const std::array<std::pair<std::string_view, Kind>, N>& known) {
  std::vector<std::string> names;
  for (const auto& [name, kind] : known) {
    if (name == to_lower(value)) return kind;
    names.emplace_back(name);
  }
  return invalid_instruction(
      cat("unsupported ", what, " ", skiff::quoted(value), did_you_mean(value, names)));
}

constexpr std::array<std::pair<std::string_view, MountKind>, 5> kKinds = {
    {{"bind", MountKind::kBind},
     {"cache", MountKind::kCache},
     {"tmpfs", MountKind::kTmpfs},
     {"secret", MountKind::kSecret},
     {"ssh", MountKind::kSsh}}};
constexpr std::array<std::pair<std::string_view, CacheSharing>, 3> kSharings = {
    {{"shared", CacheSharing::kShared},
     {"private", CacheSharing::kPrivate},
     {"locked", CacheSharing::kLocked}}};

std::string_view name_of(MountKind kind) {
  for (const auto& [name, known] : kKinds) {
    if (known == kind) return name;
  }
  return "";
}

class MountParser {
 public:
  explicit MountParser(const ExpandValue& expand) : expand_(expand) {}

  Result<RunMount> run(std::vector<Field> fields) {
    for (Field& field : fields) {
      if (field.value && field.key != "from") field.value = TRY(expand_(*field.value));
    }
    for (const Field& field : fields) {
      if (field.key != "type" || !field.value) continue;
      mount_.kind = TRY(choose("mount type", *field.value, kKinds));
    }
    for (const Field& field : fields) TRY(take(field));
    TRY(check());
    const bool writable = mount_.kind == MountKind::kCache || mount_.kind == MountKind::kTmpfs;
    mount_.read_only = read_only_.value_or(!writable);
    return std::move(mount_);
  }

 private:
  bool is(MountKind kind) const { return mount_.kind == kind; }

  Result<> take(const Field& field) {
    const std::string& key = field.key;
    if (key == "readonly" || key == "readwrite" || key == "required") return take_switch(field);
    if (!is_known(key)) return unexpected(field);
    if (!field.value) {
      return invalid_instruction(cat("invalid field '", field.text, "' must be a key=value pair"));
    }
    const std::string& value = *field.value;
    if (key == "from") mount_.from = value;
    if (key == "source") mount_.source = value;
    if (key == "target") mount_.target = value;
    if (key == "id") mount_.id = value;
    if (key == "size") return take_size(field);
    if (key == "env") {
      if (!is(MountKind::kSecret)) return misplaced(field);
      mount_.env = value;
    }
    if (key == "sharing") {
      if (!is(MountKind::kCache)) {
        return invalid_instruction(
            cat("invalid cache sharing set for ", name_of(mount_.kind), " mount"));
      }
      mount_.sharing = TRY(choose("sharing value", value, kSharings));
    }
    if (key == "mode") mount_.mode = TRY(take_number(field, 8));
    if (key == "uid") mount_.uid = TRY(take_number(field, 10));
    if (key == "gid") mount_.gid = TRY(take_number(field, 10));
    return {};
  }

  static bool is_known(const std::string& key) {
    for (const std::string& known : keys()) {
      if (known == key) return true;
    }
    return false;
  }
  static const std::vector<std::string>& keys() {
    static const std::vector<std::string> kKeys = {
        "type", "from", "source", "target",  "readonly", "readwrite", "required",
        "size", "id",   "env",    "sharing", "mode",     "uid",       "gid"};
    return kKeys;
  }

  static Error unexpected(const Field& field) {
    return invalid_instruction(cat("unexpected key '", field.written, "' in '", field.text, "'",
                                   did_you_mean(field.written, keys())));
  }
  Error misplaced(const Field& field) const {
    return invalid_instruction(
        cat("unexpected key '", field.written, "' for mount type '", name_of(mount_.kind), "'"));
  }

  Result<> take_switch(const Field& field) {
    const std::string value = to_lower(field.value.value_or("true"));
    const bool yes = value == "true" || value == "1" || value == "t";
    if (!yes && value != "false" && value != "0" && value != "f") {
      return invalid_instruction(cat("invalid value for ", field.written, ": ", *field.value));
    }
    if (field.key != "required") {
      read_only_ = yes == (field.key == "readonly");
    } else if (is(MountKind::kSecret) || is(MountKind::kSsh)) {
      mount_.required = yes;
    } else {
      return misplaced(field);
    }
    return {};
  }

  Result<> take_size(const Field& field) {
    if (!is(MountKind::kTmpfs)) return misplaced(field);
    auto size = parse_size(*field.value);
    if (!size || *size < 0) {
      return invalid_instruction(cat("invalid value for size: ", *field.value));
    }
    mount_.size = *size;
    return {};
  }

  Result<uint32_t> take_number(const Field& field, int base) const {
    if (!is(MountKind::kCache) && !is(MountKind::kSecret) && !is(MountKind::kSsh)) {
      return invalid_instruction(
          cat(field.key, " not allowed for ", skiff::quoted(name_of(mount_.kind)), " type mounts"));
    }
    const auto number = parse_uint(*field.value, base);
    const uint64_t most = field.key == "mode" ? 07777 : std::numeric_limits<uint32_t>::max() - 1;
    if (!number || *number > most) {
      return invalid_instruction(cat("invalid value ", *field.value, " for ", field.key));
    }
    return static_cast<uint32_t>(*number);
  }

  Result<> check() const {
    if (is(MountKind::kSecret)) {
      if (!mount_.from.empty()) return invalid_instruction("secret mount should not have a from");
      if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
        return invalid_instruction("invalid secret mount. one of source, target required");
      }
      if (!mount_.source.empty() && !mount_.id.empty()) {
        return invalid_instruction("both source and id can't be set");
      }
    }
    if (is(MountKind::kSsh) && !mount_.source.empty()) {
      return invalid_instruction("ssh does not support source");
    }
    return {};
  }

  const ExpandValue& expand_;
  RunMount mount_;
  std::optional<bool> read_only_;
};

}  // namespace

Result<RunMount> parse_run_mount(const std::string& text, const ExpandValue& expand) {
  auto fields = TRY(read_fields(text));
  return MountParser(expand).run(std::move(fields));
}

Result<std::string> from_of_mount(const std::string& text) {
  std::string from;
  for (const Field& field : TRY(read_fields(text))) {
    if (field.key == "from" && field.value) from = *field.value;
  }
  const size_t dollar = from.find('$');
  if (dollar == std::string::npos || dollar + 1 == from.size()) return from;
  return invalid_instruction(
      "'from' doesn't support variable expansion, define alias stage instead");
}

std::string target_of_mount(const std::string& text) {
  std::string target;
  const auto fields = read_fields(text);
  if (!fields) return target;
  for (const Field& field : *fields) {
    if (field.key == "target" && field.value) target = *field.value;
  }
  return target;
}

}  // namespace skiff::dockerfile
