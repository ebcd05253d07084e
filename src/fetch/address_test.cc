#include "fetch/address.h"

#include <gtest/gtest.h>

namespace ocellus::fetch {
namespace {

Address At(const char* text) {
  return ParseNetwork(text)->address;
}

TEST(IsPublic, RefusesEverySpecialAddress) {
  for (const char* text : {"127.0.0.1",
                           "127.255.255.255",
                           "0.0.0.0",
                           "10.0.0.1",
                           "100.64.0.1",
                           "169.254.169.254",
                           "100.100.100.200",
                           "168.63.129.16",
                           "192.0.0.192",
                           "fd00:ec2::254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "192.0.0.8",
                           "198.18.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a00:1",
                           "2002:7f00:1::",
                           "2002:c0a8:101::1",
                           "fe80::1",
                           "fc00::1",
                           "fd12::1",
                           "ff02::1",
                           "2001::1",
                           "2001:db8::1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b:1::808:808",
                           "2002:a9fe:a9fe::1",
                           "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                           "::ffff:0:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "fec0::1",
                           "5f00::1",
                           "3fff::1",
                           "100::1",
                           "::7f00:1"}) {
    EXPECT_FALSE(IsPublic(At(text))) << text;
  }
}

TEST(IsPublic, AdmitsPublicOnes) {
  for (const char* text :
       {"8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111",
        "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(IsPublic(At(text))) << text;
  }
}

TEST(MayConnect, OpenedNetworksAreReachable) {
  const std::vector<Network> opened = {*ParseNetwork("10.1.0.0/16"), *ParseNetwork("fd00::/8"),
                                       *ParseNetwork("192.168.7.9")};
  EXPECT_TRUE(MayConnect(At("10.1.255.255"), opened));
  EXPECT_FALSE(MayConnect(At("10.2.0.0"), opened));
  EXPECT_TRUE(MayConnect(At("fd77::1"), opened));
  EXPECT_TRUE(MayConnect(At("192.168.7.9"), opened));
  EXPECT_FALSE(MayConnect(At("192.168.7.8"), opened));
}

TEST(Network, PrefixesNeedNotEndAtAByte) {
  const Network network = *ParseNetwork("172.16.0.0/12");
  EXPECT_TRUE(network.Contains(At("172.31.0.1")));
  EXPECT_FALSE(network.Contains(At("172.32.0.1")));
  EXPECT_TRUE(ParseNetwork("0.0.0.0/0")->Contains(At("1.2.3.4")));
  EXPECT_FALSE(ParseNetwork("0.0.0.0/0")->Contains(At("2606::1")));
}

TEST(ParseNetwork, RefusesTheRest) {
  for (const char* text : {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0/8",
                           "::/129", "10.0.0.0/8x", "0x7f.1"}) {
    EXPECT_FALSE(ParseNetwork(text).ok()) << text;
  }
}

}  // namespace
}  // namespace ocellus::fetch
