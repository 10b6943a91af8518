// The schemas under which datums are fuzzed: each type, alone and within the others.
#pragma once

namespace sdr::fuzz {

inline constexpr const char* kSchemas[] = {
    R"({"type":"record","name":"engine","fields":[
        {"name":"counter","type":"int"},
        {"name":"time","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"speed","type":"double"},{"name":"load","type":"float"},
        {"name":"running","type":"boolean"}]})",
    R"({"type":"record","name":"fixed_size","fields":[{"name":"x","type":"double"},
        {"name":"id","type":{"type":"fixed","name":"id","size":3}},{"name":"ok","type":"boolean"},
        {"name":"none","type":"null"}]})",
    R"({"type":"record","name":"texts","fields":[{"name":"text","type":"string"},
        {"name":"bytes","type":"bytes"},{"name":"end","type":"boolean"}]})",
    R"({"type":"enum","name":"mode","symbols":["OFF","ON","FAULT"]})",
    R"(["null","int",{"type":"enum","name":"e","symbols":["A"]},"string",
        {"type":"array","items":"boolean"},{"type":"fixed","name":"f","size":2}])",
    R"({"type":"array","items":{"type":"record","name":"r","fields":[
        {"name":"i","type":"int"},{"name":"s","type":["null","string"]}]}})",
    R"({"type":"array","items":{"type":"array","items":"long"}})",
    R"({"type":"map","values":"int"})",
    R"({"type":"map","values":["null","double",{"type":"map","values":"bytes"}]})",
    R"({"type":"record","name":"outer","fields":[
        {"name":"pose","type":{"type":"record","name":"pose","fields":[
            {"name":"x","type":"float"},{"name":"y","type":"float"}]}},
        {"name":"again","type":"pose"},
        {"name":"modes","type":{"type":"array","items":{"type":"enum","name":"m",
            "symbols":["P","Q"]}}},
        {"name":"either","type":["pose","boolean"]}]})",
    R"({"type":"array","items":"null"})",
    R"({"type":"record","name":"nulls","fields":[
        {"name":"a","type":{"type":"array","items":"null"}},
        {"name":"b","type":{"type":"array","items":{"type":"array","items":"null"}}}]})",
};

}  // namespace sdr::fuzz
