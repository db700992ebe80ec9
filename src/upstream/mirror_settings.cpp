#include "upstream/mirror_settings.h"

#include <algorithm>

#include "access/roles.h"
#include "base/strings.h"
#include "oci/reference.h"

namespace skiff::upstream {

namespace {

bool is_pattern(std::string_view text) { return text.find('*') != std::string_view::npos; }

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return access::matches_pattern(pattern, text); });
}

}  // namespace

json::Value MirrorSettings::to_json() const {
  return json::object({{"url", url},
                       {"push", is_push},
                       {"place", place},
                       {"credentials", credentials},
                       {"ca", ca},
                       {"repositories", repositories},
                       {"tags", tags},
                       {"platforms", platforms},
                       {"every", every.count()},
                       {"referrers", referrers},
                       {"remove", remove}});
}

Result<MirrorSettings> MirrorSettings::from_json(const json::Value& v) {
  MirrorSettings out;
  out.url = v.string("url");
  out.is_push = v.boolean("push");
  out.place = v.string("place");
  out.credentials = v.string("credentials");
  out.ca = v.string("ca");
  out.repositories = v.strings("repositories");
  out.tags = v.strings("tags");
  out.platforms = v.strings("platforms");
  out.every = std::chrono::seconds(v.integer("every"));
  out.referrers = v.boolean("referrers");
  out.remove = v.boolean("remove");
  TRY(check(out));
  return out;
}

Result<OriginOptions> MirrorSettings::origin() const {
  std::string text = cat("mirror=", url);
  if (!credentials.empty()) text += cat(",credentials=", credentials);
  if (!ca.empty()) text += cat(",ca=", ca);
  OriginOptions out = TRY(parse_origin(text));
  out.client.attempts = 4;  // nobody waits
  return out;
}

bool MirrorSettings::wants_repository(std::string_view name) const {
  return matches_any(repositories, name);
}

bool MirrorSettings::names_repositories() const {
  return std::ranges::none_of(repositories, is_pattern);
}

bool MirrorSettings::wants_tag(std::string_view tag) const {
  return tags.empty() || matches_any(tags, tag);
}

bool MirrorSettings::wants_platform(const oci::Platform& platform) const {
  if (platforms.empty()) return true;
  const std::string name = platform.normalized().str();
  return std::ranges::any_of(platforms, [&](const std::string& wanted) {
    const auto parsed = oci::Platform::parse(wanted);
    return parsed && parsed->normalized().str() == name;
  });
}

std::string MirrorSettings::local_name(const std::string& remote) const {
  return place.empty() ? remote : cat(place, "/", remote);
}

Result<> check(const MirrorSettings& settings) {
  const auto wrong = [](std::string what) {
    return Error(Code::kInvalidArgument, std::move(what));
  };
  if (settings.repositories.empty()) return wrong("name a repository at least");
  for (const std::string& each : settings.repositories) {
    if (is_pattern(each)) {
      TRY(access::check_pattern(each));
    } else if (!oci::valid_repository_path(each)) {
      return wrong(cat(skiff::quoted(each), " is no repository's name"));
    }
  }
  for (const std::string& each : settings.tags) TRY(access::check_pattern(each));
  for (const std::string& each : settings.platforms) TRY(oci::Platform::parse(each));
  if (!settings.place.empty() && !oci::valid_repository_path(settings.place)) {
    return wrong(cat(skiff::quoted(settings.place), " cannot begin the name of a repository"));
  }
  constexpr std::chrono::days kLongest{100'000};
  if (settings.every < std::chrono::seconds(0) || settings.every > kLongest) {
    return wrong(cat("every: ", settings.every.count(), " seconds lie between no two runs"));
  }
  const bool has_commas =
      cat(settings.url, settings.credentials, settings.ca).find(',') != std::string::npos;
  if (has_commas) return wrong("a comma cannot stand in a URL or the name of a file");
  if (settings.is_push && !settings.platforms.empty()) {
    return wrong("images go to another registry with all their platforms");
  }
  if (settings.is_push && settings.remove) {
    return wrong("tags of another registry are not deleted from here");
  }
  return {};
}

}  // namespace skiff::upstream
