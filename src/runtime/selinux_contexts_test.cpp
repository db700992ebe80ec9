#include "runtime/selinux_contexts.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "runtime/container_spec.h"

namespace skiff::runtime {
namespace {

class Policy : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const Path path = dir_.path() / name;
    ASSERT_TRUE(make_directories(path.parent_path()));
    ASSERT_TRUE(write_file(path, text));
  }
  SelinuxPlaces places() const {
    return {.settings = dir_.path() / "etc",
            .filesystem = dir_.path() / "sys",
            .contexts = dir_.path() / "usr/contexts"};
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-selinux-test-");
};

TEST_F(Policy, LabelsAreThoseOfThePolicyThatIsNamed) {
  write("sys/context", "");
  EXPECT_EQ(policy_labels(places()), SelinuxLabels());
  write("etc/config", "# SELINUXTYPE=wrong\nSELINUX=enforcing\nSELINUXTYPE=targeted\n");
  EXPECT_EQ(policy_labels(places()), SelinuxLabels()) << "it has no contexts";
  write("etc/wrong/contexts/lxc_contexts", "process = \"a:b:c\"\nfile = \"a:b:d\"\n");
  write("etc/targeted/contexts/lxc_contexts",
        "; a comment\n\nprocess = \"u:r:container_t:s0\"\n  file=\"u:o:container_file_t:s0\" \n"
        "nothing\n");
  const SelinuxLabels own{.process = "u:r:container_t:s0", .mount = "u:o:container_file_t:s0"};
  EXPECT_EQ(policy_labels(places()), own);
  write("usr/contexts", "process = \"u:r:other_t:s0\"\nfile = \"u:o:other_file_t:s0\"\n");
  const SelinuxLabels others{.process = "u:r:other_t:s0", .mount = "u:o:other_file_t:s0"};
  EXPECT_EQ(policy_labels(places()), others) << "it goes before";
  write("usr/contexts", "process = \"u:r:other_t:s0\"\n");
  EXPECT_EQ(policy_labels(places()), SelinuxLabels()) << "half of them is of no use";
}

// As where a policy's files name types that it does not have.
TEST_F(Policy, LabelsThatTheKernelDoesNotTakeAreNone) {
  write("usr/contexts", "process = \"u:r:p_t:s0\"\nfile = \"u:o:f_t:s0\"\n");
  std::filesystem::create_directories(dir_.path() / "sys");
  EXPECT_EQ(policy_labels(places()), SelinuxLabels()) << "nobody to ask";
  std::filesystem::create_symlink("/dev/full", dir_.path() / "sys/context");
  EXPECT_EQ(policy_labels(places()), SelinuxLabels());
}

SelinuxLabels applied(const std::vector<std::string>& options) {
  auto labels = apply_label_options(
      {.process = "u:r:container_t:s0:c1,c2", .mount = "u:o:container_file_t:s0:c1,c2"}, options);
  EXPECT_TRUE(labels) << labels.error().message();
  return labels.value_or(SelinuxLabels());
}

TEST(SelinuxLabels, OptionsChangeParts) {
  const auto labels = [](const char* process, const char* mount) {
    return SelinuxLabels{.process = process, .mount = mount};
  };
  EXPECT_EQ(applied({}), labels("u:r:container_t:s0:c1,c2", "u:o:container_file_t:s0:c1,c2"));
  EXPECT_EQ(applied({"type:svirt_t", "role:x"}),
            labels("u:x:svirt_t:s0:c1,c2", "u:o:container_file_t:s0:c1,c2"));
  EXPECT_EQ(applied({"user:v", "filetype:f_t"}),
            labels("v:r:container_t:s0:c1,c2", "v:o:f_t:s0:c1,c2"));
  EXPECT_EQ(applied({"level:s0:c5", "level:s0-s1:c3.c9"}),
            labels("u:r:container_t:s0-s1:c3.c9", "u:o:container_file_t:s0-s1:c3.c9"));
  EXPECT_EQ(applied({"user:v", "disable", "type:x"}),
            labels("", "u:o:container_file_t:s0:c1022,c1023"));
}

TEST(SelinuxLabels, BadOptionsAreNamed) {
  const auto said = [](const std::string& option) {
    const Result<> checked = check_label_options({"disable", option});
    return checked ? "" : checked.error().message();
  };
  EXPECT_EQ(said("type:x"), "");
  EXPECT_EQ(said("level:s0:c1,c2"), "");
  EXPECT_EQ(said("nothing"),
            "bad label option \"nothing\", valid options 'disable' or 'user, role, level, type, "
            "filetype' followed by ':' and a value");
  EXPECT_EQ(said("typ:x"),
            "bad label option \"typ\", valid options 'disable, user, role, level, type, filetype'");
}

TEST(SelinuxLabels, AsOptionsForAnother) {
  EXPECT_EQ(label_options_of("").value(), std::vector<std::string>());
  const std::vector<std::string> whole = {"user:u", "role:r", "type:t", "level:s0:c1,c2"};
  EXPECT_EQ(label_options_of("u:r:t:s0:c1,c2").value(), whole);
  const std::vector<std::string> without_level = {"user:u", "role:r", "type:t"};
  EXPECT_EQ(label_options_of("u:r:t").value(), without_level);
  for (const char* broken : {"u", "u:r", ":r:t", "u::t", "u:r:"}) {
    EXPECT_FALSE(label_options_of(broken)) << broken;
  }
}

TEST(SelinuxLabels, StandInTheConfig) {
  ContainerSpec spec;
  spec.args = {"true"};
  spec.user_with_root = true;
  const auto label = [&](const char* part, const char* field) {
    return (*make_oci_config(spec)->require_object(part))->string(field);
  };
  EXPECT_EQ(label("process", "selinuxLabel") + label("linux", "mountLabel"), "");
  spec.selinux = {.process = "u:r:t:s0", .mount = "u:o:f:s0"};
  EXPECT_EQ(label("process", "selinuxLabel"), "u:r:t:s0");
  EXPECT_EQ(label("linux", "mountLabel"), "u:o:f:s0");
  spec.privileged = true;
  EXPECT_EQ(label("linux", "mountLabel"), "u:o:f:s0");
}

}  // namespace
}  // namespace skiff::runtime
