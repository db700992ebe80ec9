#include "runtime/seccomp_shrink.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace skiff::runtime {

namespace {

constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr uint16_t kAnswer = BPF_RET | BPF_K;
constexpr uint16_t kMask = BPF_ALU | BPF_AND | BPF_K;
constexpr uint16_t kEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr uint16_t kAtLeast = BPF_JMP | BPF_JGE | BPF_K;
constexpr uint16_t kMore = BPF_JMP | BPF_JGT | BPF_K;
constexpr uint16_t kAnyBit = BPF_JMP | BPF_JSET | BPF_K;
constexpr uint16_t kGo = BPF_JMP | BPF_JA;
constexpr uint32_t kNumber = offsetof(seccomp_data, nr);
constexpr uint32_t kArchitectureAt = offsetof(seccomp_data, arch);

bool is_condition(uint16_t code) {
  return code == kEqual || code == kAtLeast || code == kMore || code == kAnyBit;
}

using NodeId = int;
constexpr NodeId kNone = -1;

// An instruction and what follows it: `yes` alone but for conditions.
struct Node {
  uint16_t code = 0;
  uint32_t k = 0;
  NodeId yes = kNone;
  NodeId no = kNone;
  auto operator<=>(const Node&) const = default;
};

// Programs without their order: what is equal is the same node.
class Graph {
 public:
  NodeId add(const Node& node) {
    if (is_condition(node.code) && node.yes == node.no) return node.yes;
    auto [at, fresh] = known_.try_emplace(node, static_cast<NodeId>(nodes_.size()));
    if (fresh) nodes_.push_back(node);
    return at->second;
  }
  const Node& operator[](NodeId id) const { return nodes_[static_cast<size_t>(id)]; }
  size_t size() const { return nodes_.size(); }

 private:
  std::vector<Node> nodes_;
  std::map<Node, NodeId> known_;
};

// Follows a program. What it cannot follow makes understood() false.
class FilterReader {
 public:
  FilterReader(const std::vector<sock_filter>& program, Graph& graph)
      : program_(program), graph_(graph), parts_(program.size(), kNone) {
    for (const sock_filter& step : program) {
      if (!is_condition(step.code)) continue;
      bounds_.insert(step.k);
      if (step.k != UINT32_MAX) bounds_.insert(step.k + 1);
    }
  }

  bool understood() const { return understood_; }
  // Between one of these and the next all numbers go the same way.
  const std::set<uint32_t>& bounds() const { return bounds_; }
  // Those that the program has asked for so far.
  const std::vector<uint32_t>& architectures() const { return architectures_; }

  // What becomes of a call: an answer, or the part that looks at its arguments.
  NodeId follow(uint32_t architecture, uint32_t number) {
    uint32_t loaded = kNumber, value = 0;
    for (size_t at = 0; at < program_.size(); ++at) {
      const sock_filter& step = program_[at];
      if (step.code == kAnswer) return part(at);
      if (step.code == kLoad) {
        if (step.k != kNumber && step.k != kArchitectureAt) return part(at);
        loaded = step.k;
        value = loaded == kNumber ? number : architecture;
      } else if (step.code == kGo) {
        at += step.k;
      } else {
        std::optional<bool> holds = compare(step, loaded, value);
        if (!holds) break;
        at += *holds ? step.jt : step.jf;
      }
    }
    understood_ = false;
    return kNone;
  }

 private:
  std::optional<bool> compare(const sock_filter& step, uint32_t loaded, uint32_t value) {
    if (step.code == kEqual) {
      if (loaded == kArchitectureAt) note(step.k);
      return value == step.k;
    }
    if (loaded == kArchitectureAt) return std::nullopt;
    if (step.code == kAtLeast) return value >= step.k;
    if (step.code == kMore) return value > step.k;
    return std::nullopt;
  }

  void note(uint32_t architecture) {
    if (std::find(architectures_.begin(), architectures_.end(), architecture) ==
        architectures_.end()) {
      architectures_.push_back(architecture);
    }
  }

  // The instructions from `at` on.
  NodeId part(size_t at) {
    if (at >= program_.size()) understood_ = false;
    if (!understood_) return kNone;
    if (parts_[at] != kNone) return parts_[at];
    const sock_filter& step = program_[at];
    Node node{.code = step.code, .k = step.k};
    const bool looks = step.code == kLoad && step.k != kNumber && step.k != kArchitectureAt;
    if (step.code == kGo) return part(at + 1 + step.k);
    if (is_condition(step.code)) {
      node.yes = part(at + 1 + step.jt);
      node.no = part(at + 1 + step.jf);
    } else if (looks || step.code == kMask) {
      node.yes = part(at + 1);
    } else if (step.code != kAnswer) {
      understood_ = false;
    }
    return parts_[at] = graph_.add(node);
  }

  const std::vector<sock_filter>& program_;
  Graph& graph_;
  std::vector<NodeId> parts_;
  std::set<uint32_t> bounds_;
  std::vector<uint32_t> architectures_;
  bool understood_ = true;
};

// Numbers from `first` on, but for those that are apart.
struct Range {
  uint32_t first = 0;
  NodeId then = kNone;
  std::vector<std::pair<uint32_t, NodeId>> apart;
};

class Ranges {
 public:
  // In their order; the last range goes on to the next one.
  void add(uint32_t first, NodeId then) {
    if (!ranges_.empty() && ranges_.back().then == then) return;
    ranges_.push_back({first, then, {}});
    // One number between two ranges that go the same way is an exception of theirs.
    const size_t n = ranges_.size();
    if (n < 3 || ranges_[n - 3].then != then || first - ranges_[n - 2].first != 1) return;
    ranges_[n - 3].apart.emplace_back(ranges_[n - 2].first, ranges_[n - 2].then);
    ranges_.resize(n - 2);
  }

  NodeId tree(Graph& graph) const { return tree(graph, 0, ranges_.size()); }

 private:
  // So many comparisons one after the other are as good as a tree.
  static constexpr size_t kChain = 3;
  using Apart = std::vector<std::pair<uint32_t, NodeId>>;

  NodeId tree(Graph& graph, size_t from, size_t to) const {
    if (to - from == 1) {
      const Range& range = ranges_[from];
      return chain(graph, range.then, range.apart.begin(), range.apart.end());
    }
    const size_t middle = from + (to - from) / 2;
    const NodeId above = tree(graph, middle, to);
    return graph.add({kAtLeast, ranges_[middle].first, above, tree(graph, from, middle)});
  }

  static NodeId chain(Graph& graph, NodeId other, Apart::const_iterator from,
                      Apart::const_iterator to) {
    const auto count = static_cast<size_t>(to - from);
    if (count > kChain) {
      const auto middle = from + static_cast<std::ptrdiff_t>(count / 2);
      const NodeId above = chain(graph, other, middle, to);
      return graph.add({kAtLeast, middle->first, above, chain(graph, other, from, middle)});
    }
    NodeId found = other;
    for (auto at = to; at != from;) {
      --at;
      found = graph.add({kEqual, at->first, at->second, found});
    }
    return found;
  }

  std::vector<Range> ranges_;
};

// The whole of it for one architecture, once the number is asked for.
NodeId read_numbers(FilterReader& reader, Graph& graph, uint32_t architecture) {
  Ranges ranges;
  ranges.add(0, reader.follow(architecture, 0));
  for (uint32_t bound : reader.bounds()) ranges.add(bound, reader.follow(architecture, bound));
  if (!reader.understood()) return kNone;
  const NodeId tree = ranges.tree(graph);
  return graph[tree].code == kAnswer ? tree : graph.add({kLoad, kNumber, tree, kNone});
}

// kNone where the program is not understood.
NodeId read_program(FilterReader& reader, Graph& graph) {
  // AUDIT_ARCH_* are never 0: all that the program does not ask for.
  const NodeId others = read_numbers(reader, graph, 0);
  std::vector<NodeId> each;
  // Following one may show a further one.
  for (size_t i = 0; reader.understood() && i < reader.architectures().size(); ++i) {
    each.push_back(read_numbers(reader, graph, reader.architectures()[i]));
  }
  if (!reader.understood()) return kNone;
  NodeId found = others;
  for (size_t i = each.size(); i-- > 0;) {
    found = graph.add({kEqual, reader.architectures()[i], each[i], found});
  }
  return found == others ? found : graph.add({kLoad, kArchitectureAt, found, kNone});
}

// Puts a graph in an order, last instruction first: jumps lead forward alone, conditions no further
// than 255 instructions.
class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph), places_(graph.size(), kNowhere) {}

  std::vector<sock_filter> write(NodeId root) {
    place(root);
    return {backwards_.rbegin(), backwards_.rend()};
  }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;
  static constexpr size_t kReach = 250;  // two more may come before the jump

  size_t& place_of(NodeId id) { return places_[static_cast<size_t>(id)]; }
  uint32_t distance(NodeId id) {
    return static_cast<uint32_t>(backwards_.size() - 1 - place_of(id));
  }
  void push(NodeId id, const sock_filter& step) {
    place_of(id) = backwards_.size();
    backwards_.push_back(step);
  }

  void place(NodeId id) {
    if (place_of(id) != kNowhere) return;
    const Node& node = graph_[id];
    if (node.yes != kNone) place(node.yes);
    if (node.no == kNone) {
      if (node.yes != kNone && distance(node.yes) != 0) bring_near(node.yes);
      return push(id, {node.code, 0, 0, node.k});
    }
    place(node.no);
    if (distance(node.yes) > kReach) bring_near(node.yes);
    if (distance(node.no) > kReach) bring_near(node.no);
    push(id, {node.code, static_cast<uint8_t>(distance(node.yes)),
              static_cast<uint8_t>(distance(node.no)), node.k});
  }

  // An answer is given here as well; to all else a jump leads.
  void bring_near(NodeId id) {
    const Node& node = graph_[id];
    if (node.code == kAnswer) return push(id, {kAnswer, 0, 0, node.k});
    push(id, {kGo, 0, 0, distance(id)});
  }

  const Graph& graph_;
  std::vector<size_t> places_;
  std::vector<sock_filter> backwards_;
};

}  // namespace

std::vector<sock_filter> shrink_seccomp(std::vector<sock_filter> program) {
  Graph graph;
  FilterReader reader(program, graph);
  const NodeId root = read_program(reader, graph);
  if (root == kNone) return program;
  std::vector<sock_filter> smaller = Writer(graph).write(root);
  return smaller.size() < program.size() ? smaller : program;
}

}  // namespace skiff::runtime
