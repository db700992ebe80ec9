#include "cli/go_template.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/strings.h"

namespace skiff::cli {
namespace {

json::Value data() {
  return *json::parse(R"({
    "Name": "web", "Id": "0123456789abcdef", "Pid": 7, "Running": true, "Nothing": null,
    "Config": {"Labels": {"a.b": "c", "x": "y"}, "Env": ["A=1", "B=2"], "Cmd": []},
    "Ports": {"80/tcp": [{"HostPort": "8080"}], "90/tcp": null}, "Ratio": 0.5, "Html": "<&>"})");
}

std::string render(std::string_view text) {
  auto out = render_template(text, data());
  return out ? *out : cat("ERROR ", out.error().message());
}

TEST(GoTemplate, Values) {
  EXPECT_EQ(render("plain"), "plain");
  EXPECT_EQ(render(unescaped_format("{{.Name}} {{ .Pid }}\\t{{.Running}}")), "web 7\ttrue");
  EXPECT_EQ(render("{{.ID}} {{.Config.ENV}}"), "0123456789abcdef [A=1 B=2]") << "Go's names";
  EXPECT_EQ(render("{{.Config.Env}}"), "[A=1 B=2]");
  EXPECT_EQ(render("{{.Config.Labels}}"), "map[a.b:c x:y]");
  EXPECT_EQ(render("{{json .Config.Env}}"), R"(["A=1","B=2"])");
  EXPECT_EQ(render("{{json .}}"), data().dump());
  EXPECT_EQ(render("{{index .Config.Labels \"a.b\"}}"), "c");
  EXPECT_EQ(render("{{index .Config.Env 1}}"), "B=2");
  EXPECT_EQ(render("{{(index (index .Ports \"80/tcp\") 0).HostPort}}"), "8080");
  EXPECT_EQ(render("{{with .Config}}{{.Cmd}}{{$.Name}}{{end}}"), "[]web");
  EXPECT_EQ(render("a {{- .Name -}} b"), "awebb");
  EXPECT_EQ(render("{{/* nothing */}}x"), "x");
  EXPECT_EQ(render("{{\"{{\"}}{{\"}}\"}}"), "{{}}");
}

// As Docker prints what its types have as lists and maps and the daemon does not tell.
TEST(GoTemplate, WhatSaysNothing) {
  EXPECT_EQ(render("{{.Config.Entrypoint}}{{.RepoTags}}{{.Config.Volumes}}"), "[][]map[]");
  EXPECT_EQ(render("{{with .Config}}{{.Shell}}{{end}}{{$c := .Config}}{{$c.OnBuild}}"), "[][]");
  EXPECT_EQ(render("{{json .Config.Entrypoint}} {{len .Config.Entrypoint}}"), "null 0");
  EXPECT_EQ(render("{{join .Config.Entrypoint \" \"}}|{{range .Config.Shell}}x{{end}}"), "|");
  EXPECT_EQ(render("{{if .Config.Entrypoint}}a{{else}}b{{end}}"), "b");
  EXPECT_EQ(render("{{.Config.Volumes.x}}{{.Nothing}}"), "<no value><no value>");
}

TEST(GoTemplate, Functions) {
  EXPECT_EQ(render("{{len .Config.Env}}"), "2");
  EXPECT_EQ(render("{{join .Config.Env \", \"}}"), "A=1, B=2");
  EXPECT_EQ(render("{{upper .Name}}{{lower \"X\"}}{{title .Name}}"), "WEBxWeb");
  EXPECT_EQ(render("{{.Name | upper | printf \"%s!\"}}"), "WEB!");
  EXPECT_EQ(render("{{printf \"%.4s|%-5s|%5d|%q|%v\" .Id .Name .Pid .Name .Running}}"),
            "0123|web  |    7|\"web\"|true");
  EXPECT_EQ(render("{{slice .Id 0 4}}"), "0123");
  EXPECT_EQ(render("{{range split \"a,b\" \",\"}}[{{.}}]{{end}}"), "[a][b]");
  EXPECT_EQ(render("{{println .Name}}"), "web\n");
  EXPECT_EQ(render("{{truncate .Id 3}}"), "012");
  EXPECT_EQ(render("{{pad .Name 1 2}}|"), " web  |");
  EXPECT_EQ(render("{{eq .Name \"web\"}} {{ne .Pid 7}} {{gt .Pid 3}} {{le .Pid 7}}"),
            "true false true true");
  EXPECT_EQ(render("{{eq .Name \"a\" \"web\"}}"), "true");
  EXPECT_EQ(render("{{and .Name .Pid}}{{or .Nothing \"x\"}}{{not .Running}}"), "7xfalse");
}

TEST(GoTemplate, Control) {
  EXPECT_EQ(render("{{if .Running}}up{{else}}down{{end}}"), "up");
  EXPECT_EQ(render("{{if .Nothing}}a{{else if .Running}}b{{else}}c{{end}}d"), "bd");
  EXPECT_EQ(render("{{if .Nothing}}a{{else if .Config.Cmd}}b{{else}}c{{end}}"), "c");
  EXPECT_EQ(render("{{if .Running}}a{{else if .Running}}b{{else}}c{{end}}"), "a");
  EXPECT_EQ(render("{{if eq .Name \"web\"}}{{if .Nothing}}x{{end}}y{{end}}"), "y");
  EXPECT_EQ(render("{{if .Config.Cmd}}{{index .Config.Cmd 0}}{{else}}none{{end}}"), "none")
      << "what is not taken is not evaluated";
  EXPECT_EQ(render("{{range .Config.Env}}{{.}};{{end}}"), "A=1;B=2;");
  EXPECT_EQ(render("{{range $i, $e := .Config.Env}}{{$i}}:{{$e}} {{end}}"), "0:A=1 1:B=2 ");
  EXPECT_EQ(render("{{range $p, $b := .Ports}}{{$p}}={{range $b}}{{.HostPort}}{{end}},{{end}}"),
            "80/tcp=8080,90/tcp=,");
  EXPECT_EQ(render("{{range .Config.Cmd}}x{{else}}empty{{end}}"), "empty");
  EXPECT_EQ(render("{{$n := .Name}}{{$n}}"), "web");
}

TEST(GoTemplate, MistakesAreErrors) {
  for (std::string text :
       {"{{.Name", "{{end}}", "{{if .Name}}", "{{nope .Name}}", "{{$x}}", "{{index .Config.Env 9}}",
        "{{index .Config.Env -1}}", "{{}}", "{{\"open}}", "{{(.Name}}", "{{.Name)}}",
        "{{slice .Name 2 9}}", "{{.Name .Pid \"x\" |}}", "{{else}}", "{{range}}{{end}}", "{{|}}",
        "{{range $x := }}{{end}}", "{{.Absent}}", "{{.Name.Absent.Deeper}}"}) {
    EXPECT_TRUE(render(text).starts_with("ERROR template")) << text << " -> " << render(text);
  }
}

RC_GTEST_PROP(GoTemplate, AnyTextRendersOrIsRefused, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "{{", "}}", "range", "if", "else", "end", "with", " ", ".Name", ".Ports", ".Config.Env", "$",
      "$x", ":=", ",", "index", "0", "-1", "\"", "(", ")", "|", "-", "json", "slice", "printf",
      "%d", "\\", "`", "'", "{{end}}", "{{if .Name}}"));
  auto out = render_template(join(pieces, ""), data());
  if (!out) RC_ASSERT(!out.error().message().empty());
}

RC_GTEST_PROP(GoTemplate, AnyBytesRenderOrAreRefused, (const std::string& text)) {
  auto whole = render_template(text, data());
  auto inside = render_template(cat("{{", text, "}}"), data());
  if (text.find("{{") == std::string::npos) RC_ASSERT(whole.has_value());
}

}  // namespace
}  // namespace skiff::cli
