#include "server/responses.h"

#include <chrono>
#include <utility>
#include <vector>

#include "api/responses/builtin_answerer.h"
#include "api/responses/chat_server.h"
#include "api/responses/front.h"
#include "api/responses/model_answerer.h"
#include "base/digest.h"
#include "engine/records.h"
#include "fetch/server_call.h"

namespace ocellus::server {
namespace {

// Records of the server itself; kept on disk: never change.
constexpr char kOwner[] = "server";
constexpr char kLinkSecret[] = "link-secret";

// The configured chat server, over the network.
class NetworkChatServer final : public api::responses::ChatServer {
 public:
  explicit NetworkChatServer(fetch::ServerCallOptions options) : options_(std::move(options)) {}

  Status Complete(std::string_view body, std::chrono::milliseconds timeout,
                  api::responses::ChatListener& listener) override {
    fetch::ServerCallOptions options = options_;
    options.timeout = timeout;
    Passed passed(listener);
    return fetch::PostJson(options, body, passed);
  }

 private:
  struct Passed final : fetch::ServerCallListener {
    explicit Passed(api::responses::ChatListener& listener) : to(listener) {}
    void OnHead(int http_status, std::string_view content_type) override {
      to.OnHead(http_status, content_type);
    }
    bool OnBytes(std::string_view bytes) override { return to.OnBytes(bytes); }
    bool OnTick() override { return to.OnTick(); }
    api::responses::ChatListener& to;
  };

  const fetch::ServerCallOptions options_;
};

fetch::ServerCallOptions CallOptionsOf(const Config& config, const std::string& key) {
  fetch::ServerCallOptions options;
  options.url = config.assistant_url + "/chat/completions";
  if (!key.empty()) options.headers.push_back("Authorization: Bearer " + key);
  options.idle_timeout = std::chrono::milliseconds(config.assistant_idle_timeout_ms);
  return options;
}

Result<query::Filter> FilterOf(const std::string& json) {
  if (json.empty()) return query::Filter();
  constexpr char kKey[] = "responses.filters";
  Result<Value> value = ParseJson(json);
  if (!value.ok()) return std::move(value).status().WithContext(kKey);
  return api::responses::ReadFilters(*value, kKey);
}

api::responses::ModelOptions ModelOptionsOf(const Config& config) {
  return {.model = config.assistant_model,
          .sees_pictures = config.assistant_sees_pictures,
          .instructions = config.assistant_instructions,
          .max_rounds = config.assistant_max_rounds,
          .max_calls = config.assistant_max_calls,
          .timeout = std::chrono::milliseconds(config.assistant_timeout_ms),
          .max_output_tokens = config.assistant_max_output_tokens,
          .max_tokens = config.assistant_max_tokens};
}

// The secret of signed links: the same after every start, so that links outlive a restart.
Result<std::string> LinkSecret(engine::Records& records) {
  const Result<engine::Record> kept = records.Get(kLinkSecret, kOwner);
  if (kept.ok()) return kept->bytes;
  if (kept.status().code() != Code::kNotFound) return kept.status();
  std::string secret = RandomHex(32);
  OCELLUS_RETURN_IF_ERROR(records.Put({kLinkSecret, kOwner, 0, 0, {}, secret}));
  return secret;
}

}  // namespace

// In the order in which each needs those above it.
struct Responses::Parts {
  explicit Parts(const ResponsesNeeds& needs)
      : secrets(needs.store, {.table = "secrets"}),
        stored_records(needs.store, {.table = "responses",
                                     .max_records = needs.config.max_stored_responses,
                                     .max_bytes = needs.config.max_stored_response_bytes,
                                     .drop_oldest = true}),
        file_records(needs.store, {.table = "files",
                                   .max_records = needs.config.max_files,
                                   .max_bytes = needs.config.max_file_bytes}),
        stored(stored_records, std::chrono::hours(24 * needs.config.response_days)),
        files(needs.engine, file_records) {}

  engine::Records secrets;
  engine::Records stored_records;
  engine::Records file_records;
  std::unique_ptr<api::PictureLinks> links;
  api::responses::StoredResponses stored;
  api::responses::Files files;
  std::unique_ptr<api::responses::PictureSearch> search;
  std::unique_ptr<api::responses::ChatServer> chat;  // null: no model
  std::unique_ptr<api::responses::Answerer> answerer;
  std::unique_ptr<api::responses::Front> front;
};

Responses::Responses() = default;
Responses::~Responses() = default;
Responses::Responses(Responses&&) noexcept = default;

Result<Responses> Responses::Open(const ResponsesNeeds& needs) {
  Responses made;
  made.parts_ = std::make_unique<Parts>(needs);
  Parts& parts = *made.parts_;
  for (engine::Records* records : {&parts.secrets, &parts.stored_records, &parts.file_records}) {
    OCELLUS_RETURN_IF_ERROR(records->Open());
  }
  api::LinkOptions links{.public_url = needs.config.public_url,
                         .secret = {},
                         .lifetime = std::chrono::hours(needs.config.link_hours)};
  if (needs.has_keys) {
    OCELLUS_ASSIGN_OR_RETURN(links.secret, LinkSecret(parts.secrets));
  }
  parts.links = std::make_unique<api::PictureLinks>(std::move(links));
  OCELLUS_ASSIGN_OR_RETURN(query::Filter always, FilterOf(needs.config.response_filters));
  parts.search = std::make_unique<api::responses::PictureSearch>(
      needs.libraries, *parts.links, needs.config.response_libraries, std::move(always));
  api::responses::FrontOptions options;
  if (needs.config.assistant_url.empty()) {
    parts.answerer = std::make_unique<api::responses::BuiltinAnswerer>(*parts.search);
    options.models.emplace_back("ocellus");
  } else {
    parts.chat =
        std::make_unique<NetworkChatServer>(CallOptionsOf(needs.config, needs.assistant_key));
    parts.answerer = std::make_unique<api::responses::ModelAnswerer>(*parts.search, *parts.chat,
                                                                     ModelOptionsOf(needs.config));
    options.models.push_back(needs.config.assistant_model.empty() ? "assistant"
                                                                  : needs.config.assistant_model);
  }
  for (const embed::Embedder* embedder : needs.bundles.All()) {
    options.models.push_back(embedder->info().name);
  }
  options.max_picture_bytes = needs.config.http.max_buffered_bytes;
  parts.front = std::make_unique<api::responses::Front>(
      api::responses::FrontParts{needs.engine, needs.urls, *parts.search, *parts.links,
                                 *parts.answerer, parts.stored, parts.files},
      std::move(options));
  return made;
}

const api::PictureLinks& Responses::links() const {
  return *parts_->links;
}

void Responses::AddRoutes(api::Router& router) {
  parts_->front->AddRoutes(router);
}

}  // namespace ocellus::server
