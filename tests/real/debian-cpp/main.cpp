#include <algorithm>
#include <iostream>
#include <vector>
int main(int n, char** words) {
  std::vector<std::string> all(words + 1, words + n);
  std::ranges::sort(all);
  for (const auto& word : all) std::cout << word << "\n";
}
