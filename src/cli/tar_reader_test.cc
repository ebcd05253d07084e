#include "cli/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace ocellus::cli {
namespace {

using testing::HasSubstr;
using Members = std::vector<std::pair<std::string, std::string>>;

std::string Octal(std::uint64_t number, std::size_t width) {
  std::string out(width, '0');
  for (std::size_t i = width - 1; i-- > 0; number /= 8)
    out[i] = static_cast<char>('0' + number % 8);
  out[width - 1] = '\0';
  return out;
}

void Seal(std::string& header) {
  header.replace(148, 8, 8, ' ');
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 8, Octal(sum, 7) + ' ');
}

std::string Member(const std::string& name, const std::string& content, char type = '0',
                   const std::string& prefix = "", bool posix = true) {
  std::string header(512, '\0');
  header.replace(0, std::min<std::size_t>(name.size(), 100), name.substr(0, 100));
  header.replace(100, 8, Octal(0644, 8));
  header.replace(124, 12, Octal(content.size(), 12));
  header[156] = type;
  header.replace(257, 8,
                 posix ? std::string("ustar\0"
                                     "00",
                                     8)
                       : std::string("ustar  \0", 8));
  header.replace(345, prefix.size(), prefix);
  Seal(header);
  std::string out = header + content;
  out.resize((out.size() + 511) / 512 * 512);
  return out;
}

std::string PaxRecord(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

const std::string kEnd(1024, '\0');

Result<Members> ReadAll(const std::string& archive) {
  const auto source = MakeMemorySource(AsBytes(archive));
  TarReader reader(*source);
  Members out;
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const std::optional<TarMember> member, reader.Next());
    if (!member) return out;
    OCELLUS_ASSIGN_OR_RETURN(std::string content, reader.ReadContent());
    out.emplace_back(member->name, std::move(content));
  }
}

TEST(TarReaderTest, ReadsFilesAndPassesOverTheRest) {
  const auto members = ReadAll(
      Member("a/", "", '5') + Member("a/1.jpg", "one") + Member("link", "", '2') +
      Member("b.jpg", std::string(1000, 'b'), '\0') + Member("dir/c", "", '0', "long/prefix") +
      Member("fifo", "", '6') + kEnd + "garbage after the end");
  ASSERT_TRUE(members.ok()) << members.status().message();
  EXPECT_EQ(
      *members,
      (Members{{"a/1.jpg", "one"}, {"b.jpg", std::string(1000, 'b')}, {"long/prefix/dir/c", ""}}));
}

TEST(TarReaderTest, NamesMayBeLongAndTheSame) {
  const std::string gnu(300, 'g');
  const std::string pax(500, 'p');
  const auto members = ReadAll(
      Member("././@LongLink", gnu + '\0', 'L', "", false) + Member(gnu, "1", '0', "", false) +
      Member("pax", PaxRecord("mtime", "1.5") + PaxRecord("path", pax), 'x') +
      Member("short", "2") + Member("global", PaxRecord("path", "nobody"), 'g') +
      Member("same", "3") + Member("same", "4") + kEnd);
  ASSERT_TRUE(members.ok()) << members.status().message();
  EXPECT_EQ(*members, (Members{{gnu, "1"}, {pax, "2"}, {"same", "3"}, {"same", "4"}}));
}

TEST(TarReaderTest, ContentMayBeLeftUnread) {
  const std::string archive = Member("a", std::string(5000, 'a')) + Member("b", "b") + kEnd;
  const auto source = MakeMemorySource(AsBytes(archive));
  TarReader reader(*source);
  ASSERT_TRUE(reader.Next().ok());
  const auto second = reader.Next();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->name, "b");
  EXPECT_EQ(*reader.ReadContent(), "b");
}

TEST(TarReaderTest, SizesInBase256) {
  std::string member = Member("a", "hello");
  std::string size(12, '\0');
  size[0] = '\x80';
  size[11] = 5;
  member.replace(124, 12, size);
  std::string header = member.substr(0, 512);
  Seal(header);
  EXPECT_EQ(*ReadAll(header + member.substr(512) + kEnd), (Members{{"a", "hello"}}));
}

TEST(TarReaderTest, WhatIsNoArchiveIsAnError) {
  std::string huge = Member("a", "");
  huge.replace(124, 12, std::string("\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12));
  Seal(huge);
  std::string negative = Member("a", "");
  negative.replace(124, 12, std::string(12, '\xff'));
  Seal(negative);
  const std::string whole = Member("a", std::string(600, 'a'));
  const std::pair<std::string, const char*> cases[] = {
      {"", "too short"},
      {"plain text", "too short"},
      {std::string(512, 'x'), "does not begin like one"},
      {whole.substr(0, 700), "cut off"},
      {Member("a", "x") + whole.substr(0, 100), "cut off"},
      {Member("a", "x") + std::string(512, 'y'), "checksum"},
      {huge, "size"},
      {negative, "size"},
      {Member("p", "17 path=x\n", 'x') + whole, "pax"},
      {Member("p", "-5 path=x\n", 'x') + whole, "pax"},
      {Member("p", "99999999999999999999 path=x\n", 'x') + whole, "pax"},
      {Member("p", PaxRecord("size", "-1"), 'x') + whole, "size"},
      {Member("p", PaxRecord("path", std::string(5000, 'n')), 'x') + whole, "longer than"},
  };
  for (const auto& [archive, wanted] : cases) {
    const auto members = ReadAll(archive);
    ASSERT_FALSE(members.ok()) << wanted;
    EXPECT_EQ(members.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(members.status().message(), HasSubstr(wanted));
  }
}

}  // namespace
}  // namespace ocellus::cli
