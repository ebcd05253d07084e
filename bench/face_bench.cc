// How well faces are found and told apart, and what they cost on one core. Prints one JSON object a
// line: {"name","value","unit","goal"}.
//
//   face_bench WEIGHTS_DIR PEOPLE_DIR [FACELESS_DIR]
//
// PEOPLE_DIR has a folder a person with two pictures or more of one face each; the largest face
// counts. Identification is over all people. For verification every second person, by name, is left
// to the fit of the scores: `fit:` lines say what it comes to, so that the constants of
// dlib_face_recognizer.cc can be made again. FACELESS_DIR has pictures without faces.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/value.h"
#include "embed/dlib_face_recognizer.h"
#include "image/image.h"
#include "os/file_system.h"

namespace ocellus::bench {
namespace {

void Print(const std::string& name, double value, const char* unit, const char* goal) {
  std::printf(
      "%s\n",
      WriteJson(Value::Map{{"name", name}, {"value", value}, {"unit", unit}, {"goal", goal}})
          .c_str());
  std::fflush(stdout);
}

template <typename T>
T OrDie(Result<T> result, const char* what) {
  if (!result.ok()) {
    std::fprintf(stderr, "bench: %s: %s\n", what, result.status().message().c_str());
    std::exit(1);  // NOLINT(concurrency-mt-unsafe)
  }
  return *std::move(result);
}

double CpuMilliseconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

struct Person {
  std::size_t number = 0;
  std::vector<std::vector<float>> faces;
};

struct Pair {
  double cosine = 0;
  bool same = false;
};

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

std::vector<Pair> PairsOf(const std::vector<Person>& people) {
  std::vector<Pair> pairs;
  for (std::size_t p = 0; p < people.size(); ++p) {
    for (std::size_t i = 0; i < people[p].faces.size(); ++i) {
      for (std::size_t q = p; q < people.size(); ++q) {
        for (std::size_t j = q == p ? i + 1 : 0; j < people[q].faces.size(); ++j) {
          pairs.push_back({Cosine(people[p].faces[i], people[q].faces[j]), p == q});
        }
      }
    }
  }
  return pairs;
}

// Logistic regression, pairs of one person and of two weighing the same: 0.5 is where both are as
// likely. The cosine is taken about 0.9, where it lies, so that Newton's steps behave.
embed::ScoreCurve Fit(const std::vector<Pair>& pairs) {
  double same = 0;
  for (const Pair& pair : pairs) same += pair.same ? 1 : 0;
  const double different = static_cast<double>(pairs.size()) - same;
  constexpr double kAbout = 0.9;
  constexpr double kRidge = 1e-6;
  double slope = 0;
  double offset = 0;
  for (int step = 0; step < 50; ++step) {
    double gs = -kRidge * slope;
    double go = 0;
    double ss = kRidge;
    double so = 0;
    double oo = 1e-12;
    for (const Pair& pair : pairs) {
      const double x = pair.cosine - kAbout;
      const double p = 1 / (1 + std::exp(-(slope * x + offset)));
      const double weight = pair.same ? 0.5 / same : 0.5 / different;
      const double error = weight * ((pair.same ? 1 : 0) - p);
      const double curve = weight * p * (1 - p);
      gs += error * x;
      go += error;
      ss += curve * x * x;
      so += curve * x;
      oo += curve;
    }
    const double det = ss * oo - so * so;
    slope += (oo * gs - so * go) / det;
    offset += (ss * go - so * gs) / det;
  }
  return {slope, offset - slope * kAbout};
}

// The mean of: pairs of one person that score 0.5 or more, pairs of two that score less.
double Accuracy(const std::vector<Pair>& pairs, const embed::ScoreCurve& scores) {
  double right[2] = {0, 0};
  double all[2] = {0, 0};
  for (const Pair& pair : pairs) {
    const std::size_t kind = pair.same ? 1 : 0;
    ++all[kind];
    if ((scores.Score(pair.cosine) >= 0.5) == pair.same) ++right[kind];
  }
  return 50 * (right[0] / all[0] + right[1] / all[1]);
}

// Of the faces, how many have one of the same person as their nearest.
double RankOne(const std::vector<Person>& people) {
  double right = 0;
  double all = 0;
  for (const Person& person : people) {
    for (std::size_t i = 0; i < person.faces.size(); ++i) {
      double best = -2;
      const Person* nearest = nullptr;
      for (const Person& other : people) {
        for (std::size_t j = 0; j < other.faces.size(); ++j) {
          if (&other == &person && i == j) continue;
          const double cosine = Cosine(person.faces[i], other.faces[j]);
          if (cosine > best) {
            best = cosine;
            nearest = &other;
          }
        }
      }
      ++all;
      if (nearest == &person) ++right;
    }
  }
  return 100 * right / all;
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Bench {
 public:
  explicit Bench(const std::string& weights)
      : recognizer_(OrDie(embed::OpenFaceRecognizer(files_, weights), "weights")) {}

  void MeasurePeople(const std::string& folder) {
    std::map<std::string, Person> by_name;
    std::size_t pictures = 0;
    std::size_t found = 0;
    std::size_t faces = 0;
    double milliseconds = 0;
    for (const std::string& path : FilesIn(folder)) {
      const auto picture = Read(path);
      if (!picture.ok()) continue;
      const std::vector<embed::Face> seen = Find(*picture, milliseconds);
      ++pictures;
      faces += seen.size();
      Person& person = by_name[std::filesystem::path(path).parent_path()];
      if (seen.empty()) {
        std::fprintf(stderr, "no face: %s\n", path.c_str());
        continue;
      }
      ++found;
      person.faces.push_back(seen.front().vector);
    }
    std::vector<Person> all;
    std::vector<Person> fitted;
    std::vector<Person> measured;
    std::size_t number = 0;
    for (auto& [name, person] : by_name) {
      ((number++ % 2) == 0 ? fitted : measured).push_back(person);
      all.push_back(person);
    }
    const auto percent = [&](std::size_t part) {
      return 100.0 * static_cast<double>(part) / static_cast<double>(pictures);
    };
    Print("faces: pictures of one face where one is found", percent(found), "%", ">= 99");
    Print("faces: time of a picture of one face, one core",
          milliseconds / static_cast<double>(pictures), "ms", "<= 25");
    Print("faces: found beyond one a picture", percent(faces - found), "%", "");
    Print("faces: identification, the nearest is of the same person", RankOne(all), "%", ">= 99");
    Report("verification", measured, recognizer_->info().scores);
    const embed::ScoreCurve curve = Fit(PairsOf(fitted));
    Print("fit: slope", curve.slope, "", "");
    Print("fit: offset", curve.offset, "", "");
    Report("fit: verification where it was fitted", fitted, curve);
    // The other way round: how much depends on who is whose half.
    Report("fit: verification with the halves exchanged", fitted, Fit(PairsOf(measured)));
  }

  void MeasureFaceless(const std::string& folder) {
    std::size_t pictures = 0;
    std::size_t wrong = 0;
    double milliseconds = 0;
    for (const std::string& path : FilesIn(folder)) {
      const auto picture = Read(path);
      if (!picture.ok()) continue;
      const std::vector<embed::Face> seen = Find(*picture, milliseconds);
      ++pictures;
      if (!seen.empty()) {
        ++wrong;
        std::fprintf(stderr, "a face: %s %.2f\n", path.c_str(),
                     static_cast<double>(seen.front().score));
      }
    }
    Print("faces: faceless pictures where one is found",
          100.0 * static_cast<double>(wrong) / static_cast<double>(pictures), "%", "<= 1");
    Print("faces: time of a faceless picture, one core",
          milliseconds / static_cast<double>(pictures), "ms", "");
  }

 private:
  Result<image::Picture> Read(const std::string& path) {
    OCELLUS_ASSIGN_OR_RETURN(const auto bytes,
                             os::ReadWholeFile(files_, path, std::size_t{64} << 20));
    return image::Decode(bytes, {}, {});
  }

  // Adds the processor time to `milliseconds`; the first call loads the weights, which is not a
  // picture's time.
  std::vector<embed::Face> Find(const image::Picture& picture, double& milliseconds) {
    if (!loaded_) OrDie(recognizer_->Find(picture), "find");
    loaded_ = true;
    const double start = CpuMilliseconds();
    std::vector<embed::Face> faces = OrDie(recognizer_->Find(picture), "find");
    milliseconds += CpuMilliseconds() - start;
    return faces;
  }

  static void Report(const std::string& name, const std::vector<Person>& people,
                     const embed::ScoreCurve& scores) {
    Print("faces: " + name, Accuracy(PairsOf(people), scores), "%", ">= 98");
  }

  os::PosixFileSystem files_;
  std::unique_ptr<embed::FaceRecognizer> recognizer_;
  bool loaded_ = false;
};

}  // namespace
}  // namespace ocellus::bench

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: face_bench WEIGHTS_DIR PEOPLE_DIR [FACELESS_DIR]\n");
    return 2;
  }
  ocellus::bench::Bench bench(argv[1]);
  bench.MeasurePeople(argv[2]);
  if (argc == 4) bench.MeasureFaceless(argv[3]);
  return 0;
}
