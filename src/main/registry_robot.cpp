// skiff-registry robot ...
#include <cstdio>

#include "access/newcomers.h"
#include "base/strings.h"
#include "main/registry_commands.h"

namespace skiff {

namespace {

using access::AccountKind;

void print_secret(const access::MadeToken& made) { fputs(cat(made.secret, "\n").c_str(), stdout); }

Result<> add_robot(const Invocation& call) {
  const std::string& name = call.operands[0];
  TRY(access::check_robot_name(name));
  const access::Role role = TRY(role_of_new(call));
  const std::string home(split_once(name, '+')->first);
  const std::string node = call.on.empty() ? home : TRY(access::node_named(call.on));
  const TimePoint expires = TRY(expiry(call, Clock::system().now()));
  access::Store store = TRY(accounts_to_change(call));
  const access::NewRobot robot = TRY(
      access::add_robot(store, {.name = name, .kind = AccountKind::kRobot}, {role, node}, expires));
  print_secret(robot.secret);
  return {};
}

Result<> list_robots(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  std::vector<std::vector<std::string>> rows = {{"NAME", "STATE", "CREATED"}};
  for (const access::Account& account : TRY(access::list_accounts(store, AccountKind::kRobot))) {
    rows.push_back(
        {account.name, account.disabled ? "disabled" : "enabled", time_text(account.created)});
  }
  print_table(rows);
  return {};
}

Result<> remove_robot(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  return access::remove_account(store, call.operands[0], AccountKind::kRobot);
}

Result<> renew_robot_secret(const Invocation& call) {
  TRY(access::check_robot_name(call.operands[0]));
  const TimePoint expires = TRY(expiry(call, Clock::system().now()));
  access::Store store = TRY(accounts_to_read(call));
  const access::Account robot = TRY(access::find_account(store, call.operands[0]));
  print_secret(TRY(access::renew_secret(store, robot.id, expires)));
  return {};
}

constexpr Verb kRobotVerbs[] = {
    {"robot add", "ORGANISATION+NAME", "Add a robot and print its secret, which is shown only now",
     "role on expires", 1, 1, add_robot},
    {"robot list", "", "List the robots", "", 0, 0, list_robots, true},
    {"robot remove", "ORGANISATION+NAME", "Remove a robot, with all that was granted to it", "", 1,
     1, remove_robot},
    {"robot secret", "ORGANISATION+NAME",
     "Print a new secret of a robot; those of before are revoked", "expires", 1, 1,
     renew_robot_secret},
};

}  // namespace

std::span<const Verb> robot_verbs() { return kRobotVerbs; }

}  // namespace skiff
