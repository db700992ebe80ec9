require 'words'
raise 'wrong' unless count('b a b') == 'a=1 b=2'
puts 'passed'
