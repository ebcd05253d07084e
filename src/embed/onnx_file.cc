// ONNX is a protocol buffer (onnx.proto3). Only the fields that lead to tensors are looked at.

#include "embed/onnx_file.h"

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace ocellus::embed {
namespace {

constexpr int kMaxDepth = 16;  // graphs in graphs; exporters make three at most
// Bytes of one tensor: 2^40 is far above any model, and sums of it do not overflow.
constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1} << 40;

Status Broken(const std::string& what) {
  return {Code::kInvalidArgument, "is no ONNX file, or a damaged one: " + what};
}

struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of a number
  Bytes bytes;              // of a length-delimited field
  bool is_bytes = false;
};

// The fields of one message, one after the other.
class Message {
 public:
  explicit Message(Bytes bytes) : rest_(bytes) {}

  // False at the end.
  Result<bool> Next(Field& field) {
    if (rest_.empty()) return false;
    std::uint64_t tag = 0;
    OCELLUS_RETURN_IF_ERROR(Varint(tag));
    field = Field();
    field.number = tag >> 3;
    switch (tag & 7) {
      case 0:
        OCELLUS_RETURN_IF_ERROR(Varint(field.value));
        return true;
      case 1:
        return Skip(8);
      case 5:
        return Skip(4);
      case 2: {
        std::uint64_t length = 0;
        OCELLUS_RETURN_IF_ERROR(Varint(length));
        if (length > rest_.size()) return Broken("it ends too early");
        field.bytes = rest_.first(static_cast<std::size_t>(length));
        field.is_bytes = true;
        rest_ = rest_.subspan(static_cast<std::size_t>(length));
        return true;
      }
      default:
        return Broken("a field of an unknown kind");
    }
  }

  Status Varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return Broken("it ends too early");
      const std::uint64_t byte = rest_.front();
      rest_ = rest_.subspan(1);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return {};
    }
    return Broken("a number of more than 64 bits");
  }

  bool empty() const { return rest_.empty(); }

 private:
  Result<bool> Skip(std::size_t bytes) {
    if (rest_.size() < bytes) return Broken("it ends too early");
    rest_ = rest_.subspan(bytes);
    return true;
  }

  Bytes rest_;
};

// Bits of an element by TensorProto.DataType; 0: not of a fixed size.
unsigned BitsOf(std::uint64_t type) {
  switch (type) {
    case 2:   // uint8
    case 3:   // int8
    case 9:   // bool
    case 17:  // the float8 kinds
    case 18:
    case 19:
    case 20:
      return 8;
    case 4:   // uint16
    case 5:   // int16
    case 10:  // float16
    case 16:  // bfloat16
      return 16;
    case 1:   // float
    case 6:   // int32
    case 12:  // uint32
      return 32;
    case 7:   // int64
    case 11:  // double
    case 13:  // uint64
    case 14:  // complex64
      return 64;
    case 15:  // complex128
      return 128;
    case 21:  // uint4
    case 22:  // int4
    case 23:  // float4
      return 4;
    default:
      return 0;
  }
}

std::string Printable(std::string_view text) {
  std::string shown(text.substr(0, 100));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return shown;
}

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::uint64_t type = 0;
  std::optional<std::uint64_t> raw_bytes;
  bool external = false;
  ExternalData place;
};

Status ReadNumber(const Tensor& tensor, std::string_view text, std::uint64_t& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() &&
      value <= kMaxTensorBytes) {
    return {};
  }
  return {Code::kInvalidArgument,
          "tensor \"" + tensor.name + "\": its place in another file is no number"};
}

Status ReadExternalEntry(Bytes bytes, Tensor& tensor) {
  std::string_view key;
  std::string_view value;
  Message message(bytes);
  for (Field field;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, message.Next(field));
    if (!more) break;
    if (field.number == 1) key = AsText(field.bytes);
    if (field.number == 2) value = AsText(field.bytes);
  }
  if (key == "location") tensor.place.file = value;
  if (key == "offset") return ReadNumber(tensor, value, tensor.place.offset);
  if (key == "length") return ReadNumber(tensor, value, tensor.place.length);
  return {};
}

Result<Tensor> ReadTensor(Bytes bytes) {
  Tensor tensor;
  Message message(bytes);
  for (Field field;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, message.Next(field));
    if (!more) return tensor;
    switch (field.number) {
      case 1: {  // dims, packed or one by one
        if (!field.is_bytes) {
          tensor.dims.push_back(field.value);
          break;
        }
        for (Message packed(field.bytes); !packed.empty();) {
          OCELLUS_RETURN_IF_ERROR(packed.Varint(tensor.dims.emplace_back()));
        }
        break;
      }
      case 2:
        tensor.type = field.value;
        break;
      case 8:
        tensor.name = Printable(AsText(field.bytes));
        break;
      case 9:
        tensor.raw_bytes = field.bytes.size();
        break;
      case 13:
        OCELLUS_RETURN_IF_ERROR(ReadExternalEntry(field.bytes, tensor));
        break;
      case 14:
        tensor.external = field.value == 1;
        break;
      default:
        break;
    }
  }
}

// The bytes that the shape asks for.
Result<std::uint64_t> BytesOf(const Tensor& tensor) {
  const auto wrong = [&] {
    return Status(Code::kInvalidArgument,
                  "tensor \"" + tensor.name + "\" claims a shape that cannot be");
  };
  std::uint64_t count = 1;
  for (const std::uint64_t side : tensor.dims) {
    if (side > kMaxTensorBytes) return wrong();
    if (side != 0 && count > kMaxTensorBytes / side) return wrong();
    count *= side;
  }
  return (count * BitsOf(tensor.type) + 7) / 8;  // 2^40 * 128 fits
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

class Walk {
 public:
  Status Model(Bytes bytes) {
    return Each(bytes, [this](const Field& field) {
      if (field.number == 7) {
        has_graph_ = true;
        return Graph(field.bytes, 0);
      }
      // Functions, whose nodes are field 7.
      if (field.number != 25) return Status();
      return Each(field.bytes, [this](const Field& part) {
        return part.number == 7 ? Node(part.bytes, 0) : Status();
      });
    });
  }

  bool has_graph() const { return has_graph_; }
  std::vector<ExternalData> TakeExternal() { return std::move(external_); }

 private:
  // Calls visit(field) for every length-delimited field.
  template <typename Visit>
  Status Each(Bytes bytes, const Visit& visit) {
    Message message(bytes);
    for (Field field;;) {
      OCELLUS_ASSIGN_OR_RETURN(const bool more, message.Next(field));
      if (!more) return {};
      if (field.is_bytes) OCELLUS_RETURN_IF_ERROR(visit(field));
    }
  }

  Status Graph(Bytes bytes, int depth) {
    if (depth > kMaxDepth) return Broken("graphs nested too deep");
    return Each(bytes, [this, depth](const Field& field) {
      if (field.number == 1) return Node(field.bytes, depth);
      if (field.number == 5) return CheckTensor(field.bytes);
      if (field.number == 15) return Sparse(field.bytes);
      return Status();
    });
  }

  Status Node(Bytes bytes, int depth) {
    return Each(bytes, [this, depth](const Field& field) {
      if (field.number != 5) return Status();
      return Each(field.bytes, [this, depth](const Field& value) {
        if (value.number == 5 || value.number == 10) return CheckTensor(value.bytes);
        if (value.number == 6 || value.number == 11) return Graph(value.bytes, depth + 1);
        if (value.number == 22 || value.number == 23) return Sparse(value.bytes);
        return Status();
      });
    });
  }

  Status Sparse(Bytes bytes) {
    return Each(bytes, [this](const Field& field) {
      return field.number == 1 || field.number == 2 ? CheckTensor(field.bytes) : Status();
    });
  }

  Status CheckTensor(Bytes bytes) {
    OCELLUS_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(bytes));
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t wanted, BytesOf(tensor));
    if (tensor.external) {
      if (!IsPlainName(tensor.place.file)) {
        return {Code::kInvalidArgument, "tensor \"" + tensor.name + "\" has its numbers in \"" +
                                            Printable(tensor.place.file) +
                                            "\": only a file in the same folder is read"};
      }
      if (tensor.place.length == 0) tensor.place.length = wanted;
      if (tensor.place.length != wanted) return Mismatch(tensor, tensor.place.length, wanted);
      external_.push_back(std::move(tensor.place));
      return {};
    }
    if (tensor.raw_bytes.has_value()) {
      return *tensor.raw_bytes == wanted ? Status() : Mismatch(tensor, *tensor.raw_bytes, wanted);
    }
    // Its numbers stand in the message one by one, a bit each at least.
    const std::uint64_t most = std::uint64_t{bytes.size()} * 16;
    return wanted <= most ? Status() : Mismatch(tensor, bytes.size(), wanted);
  }

  static Status Mismatch(const Tensor& tensor, std::uint64_t got, std::uint64_t wanted) {
    return {Code::kInvalidArgument, "tensor \"" + tensor.name + "\" claims a shape of " +
                                        std::to_string(wanted) + " bytes, there are " +
                                        std::to_string(got)};
  }

  bool has_graph_ = false;
  std::vector<ExternalData> external_;
};

}  // namespace

Result<std::vector<ExternalData>> CheckOnnx(Bytes file) {
  Walk walk;
  OCELLUS_RETURN_IF_ERROR(walk.Model(file));
  if (!walk.has_graph()) return Broken("there is no graph in it");
  return walk.TakeExternal();
}

}  // namespace ocellus::embed
