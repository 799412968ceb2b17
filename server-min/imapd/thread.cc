// RFC 5256 3. The working form of REFERENCES is a pool of containers that know parent and children by index,
// so that nothing recurses while the forest is built; chains are cut at kMaxThreadDepth before trees are made
// of it.
#include "server-min/imapd/thread.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace cyr::imapd {

namespace {

constexpr std::size_t kNone = SIZE_MAX;
constexpr unsigned kMaxThreadDepth = 1000;

struct Container {
  const ThreadMessage* message = nullptr;
  std::size_t parent = kNone;
  std::vector<std::size_t> children;
};

bool sent_before(const ThreadMessage& a, const ThreadMessage& b) {
  return a.sent != b.sent ? a.sent < b.sent : a.number < b.number;
}

class ReferencesThreader {
 public:
  explicit ReferencesThreader(const std::vector<ThreadMessage>& messages) { link_all(messages); }

  std::vector<ThreadNode> run() {
    std::vector<std::size_t> roots;
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      if (pool_[i].parent == kNone) {
        roots.push_back(i);
      }
    }
    roots = prune(roots, 0, true);
    sort(roots);
    gather_by_subject(roots);
    for (const std::size_t root : roots) {
      sort_below(root, 0);
    }
    sort(roots);
    std::vector<ThreadNode> out;
    for (const std::size_t root : roots) {
      out.push_back(tree(root, 0));
    }
    return out;
  }

 private:
  std::size_t container(const std::string& id) {
    const auto [at, fresh] = by_id_.try_emplace(id, pool_.size());
    if (fresh) {
      pool_.emplace_back();
    }
    return at->second;
  }

  [[nodiscard]] bool is_ancestor(std::size_t candidate, std::size_t of) const {
    for (unsigned depth = 0; of != kNone; of = pool_[of].parent, ++depth) {
      if (of == candidate || depth > kMaxThreadDepth) {
        return true;  // too deep counts as a loop: the chain is cut here
      }
    }
    return false;
  }

  void set_parent(std::size_t child, std::size_t parent) {
    pool_[child].parent = parent;
    pool_[parent].children.push_back(child);
  }

  void detach(std::size_t child) {
    if (const std::size_t parent = pool_[child].parent; parent != kNone) {
      std::erase(pool_[parent].children, child);
      pool_[child].parent = kNone;
    }
  }

  // Step 1: each message and its references become a chain.
  void link_all(const std::vector<ThreadMessage>& messages) {
    for (const ThreadMessage& message : messages) {
      std::size_t own = kNone;
      if (!message.message_id.empty()) {
        own = container(message.message_id);
      }
      if (own == kNone || pool_[own].message != nullptr) {  // no id, or one that another message has
        own = pool_.size();
        pool_.emplace_back();
      }
      pool_[own].message = &message;
      link_chain(message, own);
    }
  }

  void link_chain(const ThreadMessage& message, std::size_t own) {
    std::size_t previous = kNone;
    for (const std::string& id : message.references) {
      const std::size_t next = container(id);
      if (previous != kNone && pool_[next].parent == kNone && !is_ancestor(next, previous)) {
        set_parent(next, previous);
      }
      previous = next;
    }
    detach(own);
    if (previous != kNone && !is_ancestor(own, previous)) {
      set_parent(own, previous);
    }
  }

  // Step 3: containers without message go; their children take their place. At the root one that has several
  // children stays.
  std::vector<std::size_t> prune(const std::vector<std::size_t>& siblings, unsigned depth, bool root) {
    std::vector<std::size_t> kept;
    for (const std::size_t at : siblings) {
      if (depth <= kMaxThreadDepth + 1) {
        pool_[at].children = prune(pool_[at].children, depth + 1, false);
      }
      if (pool_[at].message != nullptr) {
        kept.push_back(at);
        continue;
      }
      if (root && pool_[at].children.size() > 1) {
        kept.push_back(at);
      } else {
        kept.insert(kept.end(), pool_[at].children.begin(), pool_[at].children.end());
      }
    }
    return kept;
  }

  // The message that speaks for a container: its own, or that of its first child.
  [[nodiscard]] const ThreadMessage& voice(std::size_t at) const {
    static const ThreadMessage kNobody{};
    while (pool_[at].message == nullptr && !pool_[at].children.empty()) {
      at = pool_[at].children.front();
    }
    return pool_[at].message != nullptr ? *pool_[at].message : kNobody;
  }

  void sort(std::vector<std::size_t>& siblings) {
    for (const std::size_t at : siblings) {
      if (pool_[at].message == nullptr) {
        sort_children(at);
      }
    }
    std::stable_sort(siblings.begin(), siblings.end(),
                     [&](std::size_t a, std::size_t b) { return sent_before(voice(a), voice(b)); });
  }
  void sort_children(std::size_t at) {
    std::vector<std::size_t>& children = pool_[at].children;
    std::stable_sort(children.begin(), children.end(),
                     [&](std::size_t a, std::size_t b) { return sent_before(voice(a), voice(b)); });
  }
  void sort_below(std::size_t at, unsigned depth) {
    if (depth > kMaxThreadDepth) {
      return;
    }
    for (const std::size_t child : pool_[at].children) {
      sort_below(child, depth + 1);
    }
    sort_children(at);
  }

  // Step 5: roots of one base subject come together.
  void gather_by_subject(std::vector<std::size_t>& roots) {
    std::map<std::string, std::size_t> table;
    for (const std::size_t at : roots) {
      const std::string& subject = voice(at).subject;
      if (subject.empty()) {
        continue;
      }
      const auto [had, fresh] = table.try_emplace(subject, at);
      const bool better = pool_[at].message == nullptr && pool_[had->second].message != nullptr;
      const bool original = pool_[had->second].message != nullptr && pool_[at].message != nullptr &&
                            voice(had->second).is_reply && !voice(at).is_reply;
      if (!fresh && (better || original)) {
        had->second = at;
      }
    }
    std::vector<std::size_t> kept;
    std::vector<bool> moved(pool_.size() + roots.size(), false);
    for (const std::size_t at : roots) {
      const std::string& subject = voice(at).subject;
      const std::size_t head = subject.empty() ? at : table[subject];
      if (head != at) {
        merge(at, head, subject, table, moved, kept);
      }
    }
    for (const std::size_t at : roots) {
      if (!moved[at]) {
        kept.push_back(at);
      }
    }
    roots = std::move(kept);
  }

  void merge(std::size_t at, std::size_t head, const std::string& subject,
             std::map<std::string, std::size_t>& table, std::vector<bool>& moved,
             std::vector<std::size_t>& kept) {
    moved[at] = true;
    if (pool_[head].message == nullptr) {
      if (pool_[at].message == nullptr) {  // 5.C.b.i: both are dummies
        for (const std::size_t child : std::vector(pool_[at].children)) {
          set_parent(child, head);
        }
      } else {
        set_parent(at, head);
      }
    } else if (voice(at).is_reply && !voice(head).is_reply) {
      set_parent(at, head);
    } else {
      moved[head] = true;
      const std::size_t dummy = pool_.size();
      pool_.emplace_back();
      set_parent(head, dummy);
      set_parent(at, dummy);
      table[subject] = dummy;
      kept.push_back(dummy);
    }
  }

  ThreadNode tree(std::size_t at, unsigned depth) {
    ThreadNode node;
    node.number = pool_[at].message != nullptr ? pool_[at].message->number : 0;
    if (depth <= 2 * kMaxThreadDepth) {
      for (const std::size_t child : pool_[at].children) {
        node.children.push_back(tree(child, depth + 1));
      }
    }
    return node;
  }

  std::vector<Container> pool_;
  std::unordered_map<std::string, std::size_t> by_id_;
};

void print_node(const ThreadNode& node, std::string& out) {
  const ThreadNode* at = &node;
  if (at->number != 0) {
    out += std::to_string(at->number);
  }
  while (at->number != 0 && at->children.size() == 1) {
    at = &at->children.front();
    out += ' ' + std::to_string(at->number);
  }
  if (at->children.size() == 1) {
    print_node(at->children.front(), out);
    return;
  }
  if (!at->children.empty() && at->number != 0) {
    out += ' ';
  }
  for (const ThreadNode& child : at->children) {
    out += '(';
    print_node(child, out);
    out += ')';
  }
}

}  // namespace

std::vector<ThreadNode> thread_by_subject(std::vector<ThreadMessage> messages) {
  std::stable_sort(messages.begin(), messages.end(), [](const ThreadMessage& a, const ThreadMessage& b) {
    return a.subject != b.subject ? a.subject < b.subject : sent_before(a, b);
  });
  std::vector<std::pair<const ThreadMessage*, ThreadNode>> threads;
  for (const ThreadMessage& message : messages) {
    if (threads.empty() || threads.back().first->subject != message.subject) {
      threads.emplace_back(&message, ThreadNode{message.number, {}});
    } else {
      threads.back().second.children.push_back(ThreadNode{message.number, {}});
    }
  }
  std::stable_sort(threads.begin(), threads.end(),
                   [](const auto& a, const auto& b) { return sent_before(*a.first, *b.first); });
  std::vector<ThreadNode> out;
  for (auto& [first, node] : threads) {
    out.push_back(std::move(node));
  }
  return out;
}

std::vector<ThreadNode> thread_by_references(const std::vector<ThreadMessage>& messages) {
  return ReferencesThreader(messages).run();
}

std::string print_threads(const std::vector<ThreadNode>& threads) {
  std::string out;
  for (const ThreadNode& thread : threads) {
    out += '(';
    print_node(thread, out);
    out += ')';
  }
  return out;
}

}  // namespace cyr::imapd
