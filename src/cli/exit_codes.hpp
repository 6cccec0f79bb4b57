// What a shell learns from the command.
#pragma once

namespace foretoken {

inline constexpr int kExitOk = 0;
inline constexpr int kExitInternal = 1;     // a bug, or the output could not be written
inline constexpr int kExitBadInput = 2;     // command line or input files
inline constexpr int kExitInfeasible = 3;   // the model does not fit
inline constexpr int kExitNotDecided = 98;  // within the budget of the study
inline constexpr int kExitMissed = 99;      // an objective is missed, or impossible
inline constexpr int kExitInterrupted = 130;

}  // namespace foretoken
