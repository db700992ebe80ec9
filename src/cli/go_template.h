// The part of Go's text/template that `--format` is used with: {{.A.B}}, {{json .A}},
// {{index .A "key" 0}}, {{range .A}}..{{else}}..{{end}}, {{range $k, $v := .A}},
// {{if .A}}..{{else if .B}}..{{else}}..{{end}}, {{with .A}}, {{$x := .A}}, pipes, parentheses,
// comments, trimming ({{- -}}), and the functions of go_functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::cli {

enum class TemplateUse {
  kData,
  kHeading,  // `data` holds the headings of a table: json, upper and the like leave them alone
};

// Errors begin with "template: ": kInvalidArgument for what cannot be read, kFailedPrecondition for
// what `data` does not allow, such as a member that it does not have.
Result<std::string> render_template(std::string_view text, const json::Value& data,
                                    TemplateUse use = TemplateUse::kData);

// "\t" and "\n" of a listing's --format as the characters that they stand for.
std::string unescaped_format(std::string_view text);

}  // namespace skiff::cli
