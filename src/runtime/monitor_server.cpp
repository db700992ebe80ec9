#include "runtime/monitor_server.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/strings.h"
#include "runtime/monitor_protocol.h"
#include "runtime/warm_up.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

// After this long without a request a monitor gives back memory.
constexpr std::chrono::milliseconds kQuiet{200};
constexpr size_t kMuchOutput = 16 << 10;   // takes memory that is to be given back
constexpr int kTrimThreshold = 128 << 10;  // the C library's own
// How often a monitor without a running container looks whether it can still be reached.
constexpr std::chrono::seconds kReachableCheck{10};

// Pages of the heap that are free, and those of the stack below this function that deeper calls
// have used.
void give_back_pages() {
  ::malloc_trim(0);
  // From here on free() does so as well (keep_heap()).
  ::mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
  constexpr ptrdiff_t kBelow = ptrdiff_t{256} << 10U;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  char* end = static_cast<char*>(__builtin_frame_address(0));
  // A page of distance, for what is in use below the frame.
  end -= (reinterpret_cast<uintptr_t>(end) & (page - 1)) + page;
  for (char* at = end - page; at > end - kBelow; at -= page) {
    // Ends where the stack has never been.
    if (::madvise(at, page, MADV_DONTNEED) != 0) break;
  }
}

uint64_t inode_of(const Path& path) {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}

}  // namespace

ContainerMonitor::ContainerMonitor(EventLoop& loop, MonitorOptions options, UniqueFd spare_network)
    : loop_(loop),
      options_(std::move(options)),
      spare_network_(std::move(spare_network)),
      execs_(loop, options_.exit_file.parent_path(), [this] { end_if_done(); }),
      listener_(loop, [this](Request request) { serve(std::move(request)); }),
      waiting_(loop),
      watching_(loop),
      removing_(loop) {}

Result<> ContainerMonitor::create(std::function<Result<json::Value>()> await_root) {
  await_root_ = std::move(await_root);
  TRY(prepare());
  TRY(create_container());
  TRY(listen());
  TRY(write_file(options_.state_dir / "pid", cat(::getpid(), "\n")));
  check_reachable();
  return {};
}

Result<> ContainerMonitor::prepare() {
  TRY(make_directories(options_.state_dir / "state", 0700));
  // Of an earlier run; it would tell that this one has ended.
  if (::unlink(options_.exit_file.c_str()) != 0 && errno != ENOENT) {
    return Error::from_errno(errno, cat("unlink ", options_.exit_file.native()));
  }
  if (!options_.log_file.empty()) {
    log_ = TRY(LogWriter::open(
        {.path = options_.log_file,
         .max_bytes = options_.log_max_bytes,
         .max_files = options_.log_max_files,
         .format = options_.log_driver == "local" ? LogFormat::kLocal : LogFormat::kJsonFile,
         .attributes = options_.log_attributes}));
    if (options_.log_compressed) {
      compressor_.emplace(options_.log_file, options_.log_max_files,
                          [this](const Result<>& result) { report(result); });
    }
  }
  if (options_.log_driver == "journald") {
    journal_.emplace(loop_, JournalOptions{.fields = options_.journal_fields},
                     [this](Error error) { report(std::move(error)); });
  }
  return {};
}

Result<> ContainerMonitor::answer_creator(UniqueFd connection) {
  send_answer(connection.get(), json::object({{"pid", container_->pid()}}));
  settle();
  return listener_.adopt(std::move(connection), [this] {
    if (removed_ || stage_ != Stage::kCreated) return;
    report(remove());
    end_if_done();
  });
}

Result<> ContainerMonitor::listen() {
  Path path = options_.state_dir / kMonitorSocket;
  UniqueFd socket = TRY(sys::listen_unix(path));
  socket_inode_ = inode_of(path);
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  return listener_.open(std::move(socket));
}

void ContainerMonitor::settle() {
  if (container_) container_->forget_creation();
  if (compressor_) compressor_->begin();
  trim_soon();
}

void ContainerMonitor::trim() {
  if (log_) log_->give_back_memory();
  ProcessIo::give_back_memory();
  give_back_pages();
}

// Once it is quiet: freeing pages that the next request of a burst needs again costs more.
void ContainerMonitor::trim_soon() {
  loop_.cancel_call(trim_call_);
  trim_call_ = loop_.call_after(kQuiet, [this] {
    trim();
    if (std::exchange(warm_, false)) cool_down();
  });
}

void ContainerMonitor::serve(Request request) {
  trim_soon();
  std::string name = request.asked.string("op");
  Result<> served;
  if (Taking taking = find_taking(name)) {
    served = (this->*taking)(request);
  } else if (Operation operation = find_operation(name)) {
    Result<json::Value> answer = (this->*operation)(request.asked);
    if (answer) send_answer(request.socket.get(), *answer);
    if (!answer) served = std::move(answer.error());
  } else {
    served = Error(Code::kUnimplemented, cat("the monitor knows no operation ", quoted(name)));
  }
  if (!served) send_answer(request.socket.get(), error_answer(served.error()));
}

ContainerMonitor::Operation ContainerMonitor::find_operation(const std::string& name) {
  struct Entry {
    std::string_view name;
    Operation operation;
  };
  static constexpr Entry kOperations[] = {
      {"info", &ContainerMonitor::info},     {"keep", &ContainerMonitor::keep},
      {"stop", &ContainerMonitor::stop},     {"pause", &ContainerMonitor::pause},
      {"resume", &ContainerMonitor::resume}, {"update", &ContainerMonitor::update},
      {"resize", &ContainerMonitor::resize}, {"resize_exec", &ContainerMonitor::resize_exec},
      {"execs", &ContainerMonitor::execs},   {"exec_info", &ContainerMonitor::exec_info}};
  for (const Entry& entry : kOperations) {
    if (entry.name == name) return entry.operation;
  }
  return nullptr;
}

ContainerMonitor::Taking ContainerMonitor::find_taking(const std::string& name) {
  struct Entry {
    std::string_view name;
    Taking taking;
  };
  static constexpr Entry kTakings[] = {
      {"start", &ContainerMonitor::start},
      {"attach", &ContainerMonitor::attach},
      {"exec", &ContainerMonitor::exec},
      {"wait", &ContainerMonitor::wait},
      {"watch", &ContainerMonitor::watch},
      {"wait_exec", &ContainerMonitor::wait_exec},
      {"remove", &ContainerMonitor::remove_and_end},
  };
  for (const Entry& entry : kTakings) {
    if (entry.name == name) return entry.taking;
  }
  return nullptr;
}

void ContainerMonitor::log_output(OutputStream stream, std::string_view bytes) {
  if (bytes.size() >= kMuchOutput || (log_ && log_->kept_memory() >= kMuchOutput)) trim_soon();
  if (journal_) journal_->write(stream, bytes);
  if (!log_) return;
  Result<> written = log_->write(stream, bytes, Clock::system().now());
  if (compressor_) compressor_->follow(log_->rotations());
  // A full disk is told once, not with each line.
  if (!written && !log_failing_) report(written);
  log_failing_ = !written;
}

// A monitor that nobody can reach, with nothing that runs, is of no use to anybody.
void ContainerMonitor::check_reachable() {
  loop_.cancel_call(reachable_call_);
  if (removed_ || stage_ == Stage::kRunning) return;
  if (inode_of(options_.state_dir / kMonitorSocket) != socket_inode_) {
    report(remove());
    end_if_done();
    return;
  }
  reachable_call_ = loop_.call_after(kReachableCheck, [this] { check_reachable(); });
}

bool ContainerMonitor::has_clients() const {
  auto reading = [](const std::unique_ptr<ProcessIo>& io) { return io && io->has_clients(); };
  return reading(io_) || std::any_of(leaving_.begin(), leaving_.end(), reading) ||
         execs_.has_clients();
}

void ContainerMonitor::end_if_done() {
  if (!removed_ || !recorded_) return;
  if (has_clients()) {
    // Clients that take their time keep only this process, not who had the container removed.
    removing_.close_all();
    return;
  }
  loop_.stop();
}

// Nobody reads a monitor's standard error: what goes wrong stands in a file beside its socket.
void ContainerMonitor::report(const Result<>& result) {
  if (result) return;
  UniqueFd file(::open((options_.state_dir / "errors").c_str(),
                       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  std::string line =
      cat(format_rfc3339(Clock::system().now()), " ", result.error().message(), "\n");
  [[maybe_unused]] ssize_t written = ::write(file.get(), line.data(), line.size());
}

}  // namespace skiff::runtime
