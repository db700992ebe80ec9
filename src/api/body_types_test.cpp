// Fields of bodies that have another type than the API gives them.
#include "api/test_api.h"

namespace skiff::api {
namespace {

class BodyTypesTest : public ApiTest {
 protected:
  void expect_refused(const std::string& target, const std::string& body, const char* message) {
    const Reply reply = post(target, body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.message(), message) << body;
  }
};

TEST_F(BodyTypesTest, OfANewContainer) {
  struct Case {
    const char* body;
    const char* message;
  };
  for (const Case& each : {
           Case{R"({"Image":1})", "Image is not a string"},
           Case{R"({"Image":"x","Env":"X=1"})", "Env: must be an array of strings"},
           Case{R"({"Image":"x","Tty":"yes"})", "Tty is not true or false"},
           Case{R"({"Image":"x","Healthcheck":{"Interval":"1s"}})",
                "Healthcheck.Interval is not a whole number of 64 bits"},
           Case{R"({"Image":"x","HostConfig":[]})", "HostConfig is not an object"},
           Case{R"({"Image":"x","HostConfig":{"Memory":"a"}})",
                "HostConfig.Memory is not a whole number of 64 bits"},
           Case{R"({"Image":"x","HostConfig":{"Memory":1.5}})",
                "HostConfig.Memory is not a whole number of 64 bits"},
           Case{R"({"Image":"x","HostConfig":{"Ulimits":[{"Name":"nofile","Soft":"x"}]}})",
                "HostConfig.Ulimits[0].Soft is not a whole number of 64 bits"},
           Case{R"({"Image":"x","HostConfig":{"ReadonlyRootfs":"true"}})",
                "HostConfig.ReadonlyRootfs is not true or false"},
           Case{R"({"Image":"x","HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":8080}]}}})",
                "HostConfig.PortBindings.80/tcp[0].HostPort is not a string"},
           Case{R"({"Image":"x","NetworkingConfig":{"EndpointsConfig":{"n":{"Aliases":"a"}}}})",
                "NetworkingConfig.EndpointsConfig.n.Aliases is not an array of strings"},
           Case{R"(["x"])", "the request's body is not a JSON object"},
       }) {
    expect_refused("/containers/create", each.body, each.message);
  }
}

TEST_F(BodyTypesTest, OfTheOtherRequests) {
  expect_refused("/containers/c/update", R"({"Memory":"a"})",
                 "Memory is not a whole number of 64 bits");
  expect_refused("/containers/c/exec", R"({"Cmd":"ls"})", "Cmd is not an array of strings");
  expect_refused("/containers/c/exec", R"({"Cmd":["ls","a\u0000b"]})", "Cmd[1] holds a NUL byte");
  expect_refused("/networks/create", R"({"Name":"n","Internal":"true"})",
                 "Internal is not true or false");
  expect_refused("/networks/create", R"({"Name":"n","IPAM":{"Config":[{"Subnet":1}]}})",
                 "IPAM.Config[0].Subnet is not a string");
  expect_refused("/volumes/create", R"({"Labels":{"a":1}})", "Labels.a is not a string");
  expect_refused("/volumes/create", R"({"DriverOpts":{"device":"/a\u0000b"}})",
                 "DriverOpts.device holds a NUL byte");
  expect_refused("/volumes/create", R"({"Name":"a\u0000b"})", "Name holds a NUL byte");
  expect_refused("/volumes/create", R"({"DriverOpts":{"o":"uid=1\nx"}})",
                 "DriverOpts.o holds a control character");
  expect_refused("/volumes/create", R"({"Labels":{"a":"\u001b[2J"}})",
                 "Labels.a holds a control character");
  expect_refused("/volumes/create", R"({"Labels":{"a\n":""}})", "Labels holds a control character");
  expect_refused("/networks/create", R"({"Name":"n\u0000"})", "Name holds a NUL byte");
  expect_refused("/networks/create", R"({"Name":"n","Options":{"a":"\u0000"}})",
                 "Options.a holds a NUL byte");
  expect_refused("/networks/create", R"({"Name":"n","Options":{"a\u007f":""}})",
                 "Options holds a control character");
  expect_refused("/networks/create", R"({"Name":"n","Labels":{"a":"b\u0000"}})",
                 "Labels.a holds a NUL byte");
  expect_refused("/networks/create", R"({"Name":"n","IPAM":{"Driver":"\b"}})",
                 "IPAM.Driver holds a control character");
  EXPECT_EQ(post("/volumes/create", R"({"Name":"vol","Labels":{"a":"one\n\ttwo\r\n"}})").status,
            201);
  expect_refused("/auth", R"({"username":1})", "username is not a string");
}

}  // namespace
}  // namespace skiff::api
