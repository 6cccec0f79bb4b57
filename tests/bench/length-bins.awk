# Lengths of a trace column (one a line, sorted) as 118 bins: 98 of 1 % of the requests and 20 of 0.1 % for the tail,
# each with the mean of its requests; prints the `tokens` of an empirical distribution (weights 10 and 1).
{ value[NR] = $1 }
END {
  for (bin = 1; bin <= 118; ++bin) {
    upper = bin <= 98 ? bin * 0.01 : 0.98 + (bin - 98) * 0.001
    last = bin == 118 ? NR : int(NR * upper + 0.5)
    sum = 0; count = 0
    for (i = previous + 1; i <= last; ++i) { sum += value[i]; ++count }
    previous = last
    printf "%s%d", bin == 1 ? "" : ", ", int(sum / count + 0.5)
  }
  print ""
}
