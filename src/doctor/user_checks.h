// What a daemon of an ordinary user needs beside: ids, namespaces, a way out.
#pragma once

#include "doctor/finding.h"

namespace skiff::doctor {

void check_user_namespaces(Findings& findings);
void check_subordinate_ids(Findings& findings);
void check_id_programs(Findings& findings);
void check_uplink(Findings& findings);
void check_runtime_directory(Findings& findings);
void check_delegation(Findings& findings);

}  // namespace skiff::doctor
