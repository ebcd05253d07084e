// Values of a client's document, cast to the types of the fields: numbers as numbers or as text,
// several of them as a list or as one text with separators.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/vector/definition.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

// Failures are InvalidArgument, "expected INT8 (-128 to 127), got 300", and name no field.
// A list is separated by the character 0x1D where it has one, else by commas.
Result<Value> CastScalar(FieldType type, Value value);
// Elements over the limit are refused before they take memory.
Result<Value> CastList(FieldType type, Value value, std::size_t max_elements = kMaxValues);
Result<store::Vector> CastVector(const Value& value);

// How many elements CastList() makes of a text; of anything else 0.
std::size_t ElementsInText(const Value& value);

// What a field has that no document gave a value: 0, "" or an empty list.
Value DefaultOf(FieldType type, bool multi);

// The double that is written as the float is: 0.1F gives 0.1, not 0.10000000149011612.
double ShortestDouble(float number);

// Appends the JSON of the numbers, each as short as its float allows.
void AppendFloats(std::string& out, const store::Vector& vector);

}  // namespace ocellus::api::vector
