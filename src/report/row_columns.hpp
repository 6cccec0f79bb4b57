// Columns of a file with a row per thing that happened, declared once: as CSV, as lines of JSON, and for the schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "persistence/atomic_file.hpp"
#include "report/common.hpp"
#include "report/shape/shape.hpp"

namespace foretoken {

enum class RowFormat { csv, jsonl };
// By the file's name: *.jsonl and *.ndjson are lines of JSON. "-", standard output, has those too.
[[nodiscard]] RowFormat row_format_of(std::string_view path);
// A file that appears whole, or standard output.
[[nodiscard]] Result<AtomicFile> create_row_file(const std::string& path);

enum class ColumnKind { count, figure, text };
// Contract: `write` appends a number in JSON's spelling, of a column of text its text, or nothing where there is none.
template <class Row>
struct RowColumn {
  std::string key;
  ColumnKind kind = ColumnKind::count;
  std::string meaning;
  void (*write)(std::string& out, const Row& row, int which) = nullptr;
  int which = 0;  // of columns that differ in an index only
};
template <class Row>
using RowColumns = std::vector<RowColumn<Row>>;

template <class Row>
[[nodiscard]] std::string csv_header(const RowColumns<Row>& columns) {
  std::string header;
  for (const RowColumn<Row>& column : columns) header += (header.empty() ? "" : ",") + column.key;
  return header + "\n";
}

template <class Row>
[[nodiscard]] std::string csv_row(const RowColumns<Row>& columns, const Row& row) {
  std::string out, name;
  for (const RowColumn<Row>& column : columns) {
    if (&column != &columns.front()) out += ',';
    if (column.kind != ColumnKind::text) {
      column.write(out, row, column.which);
      continue;
    }
    name.clear();
    column.write(name, row, column.which);
    out += csv_text(name);
  }
  return out + "\n";
}

template <class Row>
[[nodiscard]] std::string json_row(const RowColumns<Row>& columns, const Row& row) {
  std::string out = "{", value;
  for (const RowColumn<Row>& column : columns) {
    value.clear();
    column.write(value, row, column.which);
    out += (out.size() == 1 ? "\"" : ",\"") + column.key + "\":";
    if (column.kind == ColumnKind::text)
      out += to_text(Json(value), 0);
    else
      out += value.empty() ? "null" : value;
  }
  return out + "}\n";
}

template <class Row>
[[nodiscard]] Json row_shape(const RowColumns<Row>& columns) {
  shape::Keys keys;
  for (const RowColumn<Row>& column : columns) {
    const Json shape = column.kind == ColumnKind::text    ? shape::text()
                       : column.kind == ColumnKind::count ? shape::or_null(shape::count())
                                                          : shape::figure();
    keys.push_back({column.key, shape::described(shape, column.meaning)});
  }
  return shape::object(keys);
}

template <class Row>
class RowFile {
 public:
  [[nodiscard]] static Result<RowFile> create(const std::string& path, RowColumns<Row> columns) {
    Result<AtomicFile> file = create_row_file(path);
    if (!file) return file.error();
    const RowFormat format = row_format_of(path);
    if (format == RowFormat::csv) file->write(csv_header(columns));
    return RowFile(std::move(*file), std::move(columns), format);
  }
  void add(const Row& row) {
    file_.write(format_ == RowFormat::csv ? csv_row(columns_, row) : json_row(columns_, row));
  }
  [[nodiscard]] Diagnostics commit() { return file_.commit(); }

 private:
  RowFile(AtomicFile file, RowColumns<Row> columns, RowFormat format)
      : file_(std::move(file)), columns_(std::move(columns)), format_(format) {}
  AtomicFile file_;
  RowColumns<Row> columns_;
  RowFormat format_;
};

// Whole nanoseconds as milliseconds and seconds, exactly.
void append_ms(std::string& out, Duration duration);
void append_seconds(std::string& out, TimePoint at);
void append_count(std::string& out, std::int64_t value);

}  // namespace foretoken
