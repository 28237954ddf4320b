#include "store_fixture.hpp"

#include <xenring/grant/device_keys.hpp>

namespace xenring {
namespace {

TEST(ParseNumber, TakesDecimalDigitsAndNothingElse) {
    EXPECT_EQ(parse_number("0", 9), 0U);
    EXPECT_EQ(parse_number("007", 9), 7U);
    EXPECT_EQ(parse_number("4294967295", 0xffff'ffff), 0xffff'ffffU);
    for (const char* text : {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "ten", "4294967296",
                             "99999999999999999999", "00000000001"})
        EXPECT_FALSE(parse_number(text, 0xffff'ffff)) << text;
    EXPECT_FALSE(parse_number(std::string_view{"1\0", 2}, 9)) << "a NUL behind it";
}

TEST(ParseNumber, TakesNoMoreThanTheLimit) {
    EXPECT_EQ(parse_number("8", 8), 8U);
    EXPECT_FALSE(parse_number("9", 8));
}

class DeviceKeys : public store_fixture {
protected:
    void write(const std::string& name, const std::string& value) {
        here.write("data/" + name, value);
    }

    store here = connect(1);
    std::string key;
    error_code ec;
    device_key_reader keys{here, "data", key, ec};
};

TEST_F(DeviceKeys, ReadsWhatIsThere) {
    write("number", "12");
    write("text", "any text");
    write("on", "1");
    write("off", "0");
    EXPECT_EQ(keys.number("number"), 12U);
    EXPECT_EQ(keys.optional_number("number"), 12U);
    EXPECT_EQ(keys.text("text"), "any text");
    EXPECT_TRUE(keys.flag("on"));
    EXPECT_FALSE(keys.flag("off", true));
    EXPECT_FALSE(keys.failed()) << key;
}

TEST_F(DeviceKeys, AnOptionalKeyMayBeAbsent) {
    EXPECT_FALSE(keys.optional_number("number"));
    EXPECT_FALSE(keys.flag("flag"));
    EXPECT_TRUE(keys.flag("flag", true));
    EXPECT_FALSE(keys.failed());
}

TEST_F(DeviceKeys, ARequiredKeyIsNamedIfItIsAbsent) {
    EXPECT_EQ(keys.number("number"), 0U);
    EXPECT_EQ(ec, errc::device_keys_missing);
    EXPECT_EQ(key, "data/number");
    ec.clear();
    EXPECT_EQ(keys.text("text"), "");
    EXPECT_EQ(ec, errc::device_keys_missing);
    EXPECT_EQ(key, "data/text");
}

TEST_F(DeviceKeys, GarbageIsNamedAndNotTakenForAbsence) {
    write("flag", "yes");
    EXPECT_FALSE(keys.flag("flag"));
    EXPECT_EQ(ec, errc::device_keys_malformed);
    EXPECT_EQ(key, "data/flag");
}

TEST_F(DeviceKeys, ANumberBeyondItsLimitIsGarbage) {
    write("number", "9");
    EXPECT_EQ(keys.number("number", 8), 0U);
    EXPECT_EQ(ec, errc::device_keys_malformed);
}

TEST_F(DeviceKeys, TheFirstErrorStays) {
    write("second", "garbage");
    (void)keys.number("first");
    (void)keys.number("second");
    keys.fail("third", errc::feature_missing);
    EXPECT_EQ(ec, errc::device_keys_missing);
    EXPECT_EQ(key, "data/first");
}

TEST_F(DeviceKeys, AnErrorOfTheStoreIsPassedOn) {
    const auto foreign = connect(2);
    device_key_reader other{foreign, "/local/domain/1/data", key, ec};
    write("number", "1");
    (void)other.optional_number("number");
    EXPECT_EQ(ec, eacces());
    EXPECT_EQ(key, "/local/domain/1/data/number");
}

} // namespace
} // namespace xenring
