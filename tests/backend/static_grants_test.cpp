// Static grants over the control ring: what is mapped, what is refused, and that nothing stays.
#include "control_end.hpp"

namespace xenring::backend::test {
namespace {

class static_grants_test : public control_fixture {
protected:
    static_grants_test() {
        start();
        connected_with_control(1);
        before = mapped();
    }
    std::size_t before = 0;
};

TEST_F(static_grants_test, TheBackendSaysThatItHasAControlRing) {
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-ctrl-ring"), "1");
}

TEST_F(static_grants_test, TheSizeOfTheTableIsThatOfAQueue) {
    const auto response = ask(control_type::get_gref_mapping_size, 0);
    EXPECT_EQ(response.status, control_status::success);
    EXPECT_EQ(response.data, 512U);
    EXPECT_EQ(status(control_type::get_gref_mapping_size, 1), control_status::invalid_parameter);
}

TEST_F(static_grants_test, PagesAreMappedUntilTheyAreDeleted) {
    const auto list = entries_of(control->share(3, access::read_write));
    EXPECT_EQ(add(list), control_status::success);
    EXPECT_EQ(mapped(), before + 3);
    const auto response = remove({list[0], list[2]});
    EXPECT_EQ(response.status, control_status::success);
    EXPECT_EQ(response.data, 2U);
    EXPECT_EQ(mapped(), before + 1);
    for (const auto& each : control->list(2))
        EXPECT_EQ(each.status, control_status::success);
    EXPECT_EQ(add({list[0]}), control_status::success) << "it may come back";
    EXPECT_EQ(remove(list).data, 2U);
    EXPECT_EQ(mapped(), before);
}

TEST_F(static_grants_test, DeletingWhatIsNotThereIsSaidEntryByEntry) {
    const auto list = entries_of(control->share(2, access::read_write));
    EXPECT_EQ(add({list[1]}), control_status::success);
    EXPECT_EQ(remove({list[0], list[1], list[1], {123456, 0, 0}}).data, 1U);
    const auto told = control->list(4);
    EXPECT_EQ(told[0].status, control_status::invalid_parameter);
    EXPECT_EQ(told[1].status, control_status::success);
    EXPECT_EQ(told[2].status, control_status::invalid_parameter);
    EXPECT_EQ(told[3].status, control_status::invalid_parameter);
}

TEST_F(static_grants_test, AListIsAddedAsAWholeOrNotAtAll) {
    auto list = entries_of(control->share(3, access::read_write));
    auto bad = list;
    bad.push_back({30'000, 0, 0});
    EXPECT_EQ(add(bad), control_status::invalid_parameter);
    EXPECT_EQ(mapped(), before);
    EXPECT_EQ(remove(list).data, 0U);
    EXPECT_EQ(add(list), control_status::success) << "and none of it was remembered";
}

TEST_F(static_grants_test, APageIsMappedOnce) {
    const auto list = entries_of(control->share(2, access::read_write));
    EXPECT_EQ(add({list[0], list[0]}), control_status::invalid_parameter);
    EXPECT_EQ(add({list[0]}), control_status::success);
    EXPECT_EQ(add({list[0]}), control_status::invalid_parameter);
    EXPECT_EQ(add({list[1], list[0]}), control_status::invalid_parameter);
    EXPECT_EQ(mapped(), before + 1);
}

TEST_F(static_grants_test, AReadOnlyPageIsAddedAsOne) {
    const auto& pages = control->share(1, access::read_only);
    EXPECT_EQ(add(entries_of(pages)), control_status::invalid_parameter);
    EXPECT_EQ(add(entries_of(pages, netif::gref_readonly)), control_status::success);
}

TEST_F(static_grants_test, UnknownFlagsAreRefused) {
    const auto& pages = control->share(1, access::read_write);
    EXPECT_EQ(add(entries_of(pages, 2)), control_status::invalid_parameter);
    EXPECT_EQ(add(entries_of(pages, 0x8001)), control_status::invalid_parameter);
    EXPECT_EQ(mapped(), before);
}

TEST_F(static_grants_test, ATableIsNeverFullerThanItsSize) {
    const auto most = entries_of(control->share(512, access::read_write));
    EXPECT_EQ(add(most), control_status::success);
    const auto more = entries_of(control->share(1, access::read_write));
    EXPECT_EQ(add(more), control_status::invalid_parameter);
    EXPECT_EQ(remove({most[77]}).data, 1U);
    EXPECT_EQ(add(more), control_status::success);
    EXPECT_EQ(mapped(), before + 512);
}

TEST_F(static_grants_test, AListThatCannotBeReadOrWrittenIsRefused) {
    const auto list = entries_of(control->share(1, access::read_write));
    for (const auto type : {control_type::add_gref_mapping, control_type::del_gref_mapping}) {
        EXPECT_EQ(status(type, 0, 30'000, 1), control_status::invalid_parameter);
        EXPECT_EQ(status(type, 0, 0xffff'ffff, 1), control_status::invalid_parameter);
        for (const std::uint32_t count : {0U, 513U, 0x2000'0001U, 0xffff'ffffU})
            EXPECT_EQ(status(type, 0, control->list_reference(), count),
                      control_status::invalid_parameter);
        EXPECT_EQ(status(type, 1, control->list_reference(), 1), control_status::invalid_parameter);
    }
    const auto& unwritable = control->share(1, access::read_only);
    std::memcpy(unwritable.bytes().data(), list.data(), sizeof list[0]);
    EXPECT_EQ(add(list), control_status::success);
    const auto response =
        ask(control_type::del_gref_mapping, 0, unwritable.references()[0].value, 1);
    EXPECT_EQ(response.status, control_status::invalid_parameter);
    EXPECT_EQ(mapped(), before) << "nobody is told, but it is deleted";
}

TEST_F(static_grants_test, Xsa362_Xsa365_AMapThatFailsLeavesNothing) {
    const auto list = entries_of(control->share(5, access::read_write));
    for (unsigned nth = 1; nth != 6; ++nth) {
        machine.faults().fail(local::call::map, nth);
        EXPECT_EQ(add(list), control_status::invalid_parameter);
        EXPECT_EQ(mapped(), before);
    }
    machine.faults().clear();
    EXPECT_EQ(add(list), control_status::success);
}

TEST_F(static_grants_test, Xsa371_EverythingIsUnmappedBeforeTheBackendIsClosed) {
    EXPECT_EQ(add(entries_of(control->share(40, access::read_write))), control_status::success);
    ends.back()->write_state("5");
    ASSERT_TRUE(reaches(1, "5")) << log;
    EXPECT_EQ(mapped(), 0U);
}

TEST_F(static_grants_test, AGuestThatDiesLeavesNothingMapped) {
    EXPECT_EQ(add(entries_of(control->share(40, access::read_write))), control_status::success);
    machine.destroy(domid{1});
    ASSERT_TRUE(reaches(1, "6")) << log;
    EXPECT_EQ(mapped(), 0U);
}

TEST_F(static_grants_test, Xsa371_ANetbackThatStopsAmidAnAddLeavesNothingMapped) {
    control->fill_list(entries_of(control->share(500, access::read_write)));
    for (int i = 0; i != 20; ++i) {
        control->push(control_type::add_gref_mapping, 0, control->list_reference(), 500);
        control->push(control_type::del_gref_mapping, 0, control->list_reference(), 500);
    }
    io.restart();
    io.run_for(3ms);
    ends.back()->write_state("6");
    stop();
    EXPECT_EQ(mapped(), 0U);
    EXPECT_EQ(machine.statistics().of(domid{0}).ports, 0U);
}

class control_options_test : public control_fixture {};

TEST_F(control_options_test, AllGuestsTogetherMayHaveSoManyPagesMapped) {
    auto chosen = usual_options();
    chosen.most_static_grants = 600;
    start(std::move(chosen));
    connected_with_control(1);
    EXPECT_EQ(add(entries_of(control->share(512, access::read_write))), control_status::success);
    const auto first = std::move(control);
    connected_with_control(2); // its rings are mapped nevertheless
    const auto before = mapped();
    auto wanted = entries_of(control->share(500, access::read_write));
    EXPECT_FALSE(logged("600 pages")) << log;
    for (int i = 0; i != 3; ++i)
        EXPECT_EQ(add(wanted), control_status::invalid_parameter);
    EXPECT_EQ(mapped(), before);
    EXPECT_NE(log.find("vif2.0: no more static grants"), log.npos) << log;
    EXPECT_EQ(log.find("600 pages"), log.rfind("600 pages")) << "said once: " << log;
    const entries some{wanted.begin(), wanted.begin() + 88};
    EXPECT_EQ(add(some), control_status::success) << "what is left";
    EXPECT_EQ(remove(some).data, 88U);
    ends.front()->write_state("5");
    ASSERT_TRUE(reaches(1, "5")) << log;
    EXPECT_EQ(add(wanted), control_status::success) << "what the other had";
}

TEST_F(control_options_test, WithoutStaticGrantsTheyAreNotSupported) {
    auto chosen = usual_options();
    chosen.features.static_grants = 0;
    start(std::move(chosen));
    connected_with_control(1);
    EXPECT_EQ(status(control_type::get_gref_mapping_size), control_status::not_supported);
    EXPECT_EQ(add(entries_of(control->share(1, access::read_write))),
              control_status::not_supported);
}

TEST_F(control_options_test, ARingThatWasNotOfferedIsNotLookedAt) {
    auto chosen = usual_options();
    chosen.features.control_ring = false;
    start(std::move(chosen));
    connected_with_control(1);
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-ctrl-ring"), "0");
    EXPECT_EQ(mapped(), 2U);
}

} // namespace
} // namespace xenring::backend::test
