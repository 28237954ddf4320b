// One request to the stand-in's store, from its bytes to its answer.
#pragma once

#include <xenring/grant/local/store_server.hpp>

#include <string>
#include <vector>

namespace xenring::local {

/// Runs a request and queues its answer and the events that come of it. Lives for one request, with
/// the server's lock held.
class store_request {
public:
    store_request(store_server& server, store_connection& connection,
                  const store_wire::message& request)
        : server_{server}, connection_{connection}, request_{request} {}

    void run();

private:
    // Each returns 0, with the answer's payload in reply_, or the errno to answer with.
    int dispatch();
    int read_value(const store_node& node);
    int list(const store_node& node);
    int list_part(const store_node& node);
    int get_permissions(const store_node& node);
    int set_permissions();
    int set_special_permissions(const store_permissions& permissions);
    int watch();
    int unwatch();
    int start_transaction();
    int end_transaction();
    int reset_watches();
    int domain_path();
    int domain_introduced();
    int administer();

    int with_node(int (store_request::*use)(const store_node&));
    int change(int (node_operations::*operation)(const std::string&));
    int write();

    /// The request's strings, if each ends with a NUL and there are `count`.
    bool has_strings(std::size_t count) const;
    /// The path that the request is about; empty if there is none or it is bad.
    std::string path() const;
    std::optional<domid> domain_argument() const;
    store_view& view();
    node_operations operations();
    bool transaction_too_large() const;

    store_server& server_;
    store_connection& connection_;
    const store_wire::message& request_;
    std::vector<std::string> strings_;
    transaction_view* transaction_ = nullptr;
    std::vector<node_change> changes_;
    std::string reply_;
};

} // namespace xenring::local
