// The front door: everything that a program asks Foretoken. See include/README.md for which header answers what.
//
// Example:
//   #include "foretoken/foretoken.hpp"
//
//   const foretoken::Question asked{yaml, "chat.yaml"};
//   const foretoken::Result<foretoken::Scenario> scenario = asked.scenario();
//   if (!scenario) return fail(foretoken::format(scenario.error()));
//   const foretoken::Result<foretoken::RunResult> run = foretoken::run_scenario(*scenario);
//   if (run) std::cout << foretoken::to_text(*run);
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/experiment/verdict.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "foretoken/scenario/question.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "foretoken/serving/simulation.hpp"
#include "foretoken/study/batch.hpp"
#include "foretoken/study/capacity.hpp"
#include "foretoken/study/check.hpp"
#include "foretoken/study/compare.hpp"
#include "foretoken/study/memory.hpp"
#include "foretoken/study/recommend.hpp"
