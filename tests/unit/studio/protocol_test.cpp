// The server as strangers, slow clients and dead ones meet it.
#include <gmock/gmock.h>

#include "unit/studio/client.hpp"

namespace foretoken::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

HttpLimits impatient() {
  HttpLimits limits;
  limits.request = milliseconds(300);
  limits.linger = milliseconds(200);
  limits.connections = 8;
  return limits;
}

std::string page_request(const RunningStudio& studio, const std::string& host = {}) {
  return "GET /?token=" + std::string(kToken) +
         " HTTP/1.1\r\nHost: " + (host.empty() ? "127.0.0.1:" + std::to_string(studio.port()) : host) + "\r\n\r\n";
}

TEST(StudioServer, GivesThePageUnderAStrictPolicy) {
  const RunningStudio studio(short_scenario());
  EXPECT_EQ(studio.address(), "http://127.0.0.1:" + std::to_string(studio.port()) + "/?token=" + kToken);
  const std::string answer = studio.answer_to_text(page_request(studio));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
  EXPECT_THAT(answer, HasSubstr("frame-ancestors 'none'\r\n"));
  for (const char* header :
       {"X-Content-Type-Options: nosniff", "Cache-Control: no-store", "Referrer-Policy: no-referrer",
        "X-Frame-Options: DENY", "Cross-Origin-Resource-Policy: same-origin"})
    EXPECT_THAT(answer, HasSubstr(header));
  EXPECT_THAT(answer, Not(HasSubstr("unsafe")));
  EXPECT_THAT(answer, Not(HasSubstr("Access-Control-Allow")));
}

TEST(StudioServer, RefusesWhoDoesNotBelongHere) {
  const RunningStudio studio(short_scenario());
  EXPECT_THAT(studio.answer_to({.token = "guess"}), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(studio.answer_to({.token = ""}), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(studio.answer_to({.host = "evil.example"}), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(studio.answer_to({.origin = "http://evil.example"}), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(studio.answer_to({.type = "text/plain"}), StartsWith("HTTP/1.1 415"));
  EXPECT_THAT(studio.answer_to({.path = "/../../etc/passwd"}), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(studio.answer_to_text(page_request(studio, "evil.example:" + std::to_string(studio.port()))),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(studio.answer_to_text("GET / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(studio.port()) + "\r\n\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(studio.answer_to_text(
                  "GET /?token=" + std::string(kToken) +
                  " HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1:" + std::to_string(studio.port()) + "\r\n\r\n"),
              StartsWith("HTTP/1.1 403"))
      << "two hosts";
  EXPECT_THAT(studio.answer_to({}), StartsWith("HTTP/1.1 200"));
}

TEST(StudioServer, RefusesWhatIsNoRequest) {
  const RunningStudio studio(short_scenario(), impatient());
  for (const char* junk : {"hello\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02", "POST / HTTP/9.9\r\n\r\n",
                           "GET / HTTP/1.1\r\nHost\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                           "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"})
    EXPECT_THAT(studio.answer_to_text(junk), AnyOf(StartsWith("HTTP/1.1 4"), IsEmpty())) << junk;
  EXPECT_THAT(studio.answer_to({}), StartsWith("HTTP/1.1 200"));
}

TEST(StudioServer, LimitsWhatItReads) {
  const RunningStudio studio(short_scenario());
  std::string large = studio.text_of({});
  large.replace(large.find("Content-Length: "), std::string("Content-Length: 26").size(), "Content-Length: 100000000");
  Connection sender(studio.port());
  sender.say(large);
  EXPECT_THAT(sender.hear("\r\n\r\n", milliseconds(2000)), StartsWith("HTTP/1.1 413")) << "before the body is sent";
  // And to whoever sends all of it first.
  Connection stubborn(studio.port());
  stubborn.say(large);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 100 && stubborn.say(piece); ++i) {
  }
  // In pieces of no announced length.
  std::string chunked = studio.text_of({});
  chunked.erase(chunked.find("Content-Length: "));
  chunked += "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 8; ++i) chunked += "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  EXPECT_THAT(studio.answer_to_text(chunked + "0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(studio.answer_to_text("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(studio.answer_to({.body = "[" + std::string(60'000, '[')}), StartsWith("HTTP/1.1 400")) << "depth";
  EXPECT_THAT(studio.answer_to({}), StartsWith("HTTP/1.1 200"));
}

TEST(StudioServer, DoesNotWaitForSlowClients) {
  const RunningStudio studio(short_scenario(), impatient());
  Connection slow(studio.port());
  const auto begin = std::chrono::steady_clock::now();
  // A letter at a time, for ever.
  const std::string request = studio.text_of({});
  for (std::size_t i = 0; i < 60 && slow.say(request.substr(i, 1)) && !slow.ended(); ++i)
    slow.hear({}, milliseconds(20));
  EXPECT_TRUE(slow.ended());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
}

TEST(StudioServer, AnswersWhileOthersHoldEveryPlace) {
  HttpLimits limits = impatient();
  limits.request = std::chrono::seconds(30);
  const RunningStudio studio(short_scenario(), limits);
  std::vector<std::unique_ptr<Connection>> idle;
  for (std::size_t i = 0; i < 3 * limits.connections; ++i) {
    idle.push_back(std::make_unique<Connection>(studio.port()));
    EXPECT_TRUE(idle.back()->connected());
    idle.back()->say("POST ");
  }
  EXPECT_THAT(studio.answer_to({}), StartsWith("HTTP/1.1 200"));
  idle.front()->hear({}, milliseconds(1000));
  EXPECT_TRUE(idle.front()->ended()) << "the oldest made room";
}

TEST(StudioServer, EndsByItselfWhenNobodyComes) {
  StudioOptions options;
  options.question = {short_scenario(), "test.yaml", {}};
  options.token = kToken;
  options.idle = milliseconds(200);
  const std::atomic<bool> never{false};
  EXPECT_TRUE(run_studio(options, never).empty());
}

TEST(StudioServer, DoesNotShareItsPort) {
  const RunningStudio first(short_scenario());
  const RunningStudio second(short_scenario(), {}, first.port());
  EXPECT_TRUE(second.problems().has_errors());
  EXPECT_THAT(format(second.problems()), AllOf(HasSubstr("cannot listen on 127.0.0.1:"), HasSubstr("--port 0")));
  EXPECT_THAT(first.answer_to({}), StartsWith("HTTP/1.1 200"));
}

TEST(StudioServer, EndsAtOnceWhateverIsGoingOn) {
  RunningStudio studio(short_scenario());
  Connection simulating(studio.port()), waiting(studio.port()), half(studio.port());
  simulating.say(studio.text_of({.path = "/simulate", .body = long_simulation()}));
  waiting.say(studio.text_of({.path = "/report", .body = long_simulation()}));
  half.say("POST /");
  EXPECT_THAT(simulating.hear("event: progress"), HasSubstr("event: progress"));
  EXPECT_LT(studio.end(), std::chrono::seconds(3));
  simulating.hear();
  EXPECT_TRUE(simulating.ended());
  EXPECT_FALSE(Connection(studio.port()).connected());
}

TEST(StudioServer, ForgetsASimulationWhoseClientIsGone) {
  const RunningStudio studio(short_scenario());
  // Two run at once: without an end of theirs nobody else would get an answer.
  for (int i = 0; i < 4; ++i) {
    Connection client(studio.port());
    client.say(studio.text_of({.path = "/simulate", .body = long_simulation()}));
    if (i < 2) client.hear("event: progress");
  }
  const std::string answer = studio.answer_to({.path = "/simulate"});
  EXPECT_THAT(answer, HasSubstr("event: result"));
}

TEST(StudioServer, SurvivesAStormOfCancelledSimulations) {
  const RunningStudio studio(short_scenario());
  for (int i = 0; i < 300; ++i) {
    Connection client(studio.port());
    client.say(studio.text_of({.path = "/simulate", .body = long_simulation()}));
  }
  std::string answer;
  // While the last of them are being found dead there may be no room yet.
  for (int i = 0; i < 50 && answer.find("event: result") == std::string::npos; ++i) {
    answer = studio.answer_to({.path = "/simulate"});
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_THAT(answer, HasSubstr("event: result"));
}

TEST(StudioServer, DoesNotLetADeadReaderHoldOthersUp) {
  const RunningStudio studio(short_scenario());
  // These never read what they are told.
  Connection first(studio.port()), second(studio.port());
  first.say(studio.text_of({.path = "/simulate"}));
  second.say(studio.text_of({.path = "/report"}));
  EXPECT_THAT(studio.answer_to({.path = "/simulate"}), HasSubstr("event: done"));
  EXPECT_THAT(studio.answer_to({}), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace foretoken::testing
