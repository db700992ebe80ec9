// What a Dockerfile is asked before it is built, and what is asked of it instead.
#pragma once

#include "builder/builder.h"
#include "builder/context.h"
#include "builder/vocabulary.h"
#include "dockerfile/checks.h"
#include "dockerfile/instructions.h"
#include "images/image_store.h"

namespace skiff::builder {

// Whether the language is one that this builder has.
Result<> check_syntax(const BuildRequest& request, const std::string& text);
// "# check=", unless an argument of the build says otherwise.
Result<CheckConfig> check_config(const BuildRequest& request, const Dockerfile& file);

// What is found in a file that cannot be understood before the place where that is so.
Result<std::vector<Finding>> findings_before_failure(const BuildRequest& request,
                                                     const PartialDockerfile& parsed);

// Of the first platform, without building anything.
Result<Answer> answer_to(images::ImageStore& images, const BuildRequest& request, Context& context,
                         Question question);

}  // namespace skiff::builder
